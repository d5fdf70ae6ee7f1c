#include "types/format.h"

#include "base/value.h"

void crdt__text_place_init(crdt__text_place *place, crdt_doc *doc, crdt__ref text)
{
    place->doc = doc;
    place->text = text;
    place->at = (crdt__position){0, crdt__type_at(&doc->objects, text)->start};
    crdt__attrs_init(&place->attrs, doc);
}

void crdt__text_place_deinit(crdt__text_place *place)
{
    crdt__attrs_deinit(&place->attrs);
}

/* ---- marks ---- */

static bool is_mark(const crdt__item *it)
{
    return it->kind == CRDT__FORMAT && !it->deleted;
}

static bool is_visible(const crdt__item *it)
{
    return !it->deleted && crdt__item_countable(it);
}

/* A value found again in the same bytes is the same object in JavaScript, and equal to itself
 * whatever is in it. */
static bool is_same(crdt__attr a, crdt__attr b)
{
    return a.value.data == b.value.data;
}

/* yjs: equalAttrs. */
static bool equal(crdt__attr a, crdt__attr b)
{
    return is_same(a, b) || crdt__value_equal(a.value, b.value);
}

/* JavaScript: `===`. */
static bool identical(crdt__attr a, crdt__attr b)
{
    return is_same(a, b) || crdt__value_identical(a.value, b.value);
}

/* yjs: updateCurrentAttributes. */
static bool apply_mark(crdt__attrs *attrs, crdt__attr mark)
{
    if (!crdt__value_is_null(mark.value))
        return crdt__attrs_set(attrs, mark);
    crdt__attrs_remove(attrs, mark.name);
    return true;
}

/* ---- moving ---- */

/* The item to the right, or NULL at the end. */
static const crdt__item *right_of(const crdt__text_place *place)
{
    return place->at.right ? crdt__item_at(place->doc, place->at.right) : NULL;
}

static crdt__attr mark_at(const crdt_doc *doc, crdt__ref ref)
{
    crdt__attr mark = {.mark = ref};
    crdt__content_mark(doc, crdt__item_at(doc, ref), &mark.name, &mark.value);
    return mark;
}

/* Goes over the item to the right (yjs: ItemTextListPosition#forward). */
static bool step(crdt__text_place *place)
{
    const crdt__item *it = right_of(place);
    if (is_mark(it) && !apply_mark(&place->attrs, mark_at(place->doc, place->at.right)))
        return false;
    place->at.left = place->at.right;
    place->at.right = it->right;
    return true;
}

/* The same as often as something deleted lies there. */
static void pass_deleted(crdt__text_place *place)
{
    crdt__position_pass_deleted(place->doc, &place->at);
}

/* Cuts the item to the right behind `length` units, if it is longer. */
static bool cut(crdt__text_place *place, uint64_t length)
{
    return length >= crdt__item_len(right_of(place)) ||
           crdt__item_split(place->doc, place->at.right, length);
}

/* The marks from `ref` on and before `end` take effect here. */
static bool apply_marks(crdt__text_place *place, crdt__ref ref, crdt__ref end)
{
    crdt_doc *doc = place->doc;
    for (; (ref = crdt__position_mark(doc, ref, end)); ref = crdt__item_at(doc, ref)->right)
        if (!apply_mark(&place->attrs, mark_at(doc, ref)))
            return false;
    return true;
}

bool crdt__text_place_find(crdt__text_place *place, uint64_t index)
{
    crdt_doc *doc = place->doc;
    const crdt__type *text = crdt__type_at(&doc->objects, place->text);
    if (!crdt__position_find(doc, place->text, index, &place->at))
        return false;
    return !text->has_formatting || !place->at.left ||
           apply_marks(place, text->start, place->at.right);
}

/* ---- inserting ---- */

/* Inserts an item here; the place stays before it. */
static bool put(crdt__text_place *place, const crdt__wstruct *content)
{
    crdt__ref ref = crdt__edit_insert(place->doc, place->text, 0, place->at, content);
    if (ref)
        place->at.right = ref;
    return ref != 0;
}

/* Inserts a mark and goes over it. One that brings a format back has it from another mark. */
static bool put_mark(crdt__text_place *place, crdt__attr mark)
{
    crdt__wstruct content = {.kind = CRDT__FORMAT,
                             .len = 1,
                             .canonical = true,
                             .content = crdt__doc_name_bytes(place->doc, mark.name),
                             .content2 = mark.value};
    if (!put(place, &content))
        return false;
    if (mark.mark)
        crdt__content_share(place->doc, crdt__item_at(place->doc, place->at.right),
                            crdt__item_at(place->doc, mark.mark)->content);
    return step(place);
}

/* Goes over what is deleted, and over marks that say what `attributes` say anyway (yjs:
 * minimizeAttributeChanges). */
static bool skip(crdt__text_place *place, const crdt__attrs *attributes)
{
    for (const crdt__item *it; pass_deleted(place), (it = right_of(place));) {
        if (!is_mark(it))
            return true;
        crdt__attr mark = mark_at(place->doc, place->at.right);
        if (!equal(crdt__attrs_or_null(attributes, mark.name), mark))
            return true;
        if (!step(place))
            return false;
    }
    return true;
}

/* Puts a mark for each format that is another here; `negated` gets what will bring the old ones
 * back (yjs: insertAttributes). */
static bool open(crdt__text_place *place, const crdt__attrs *attributes, crdt__attrs *negated)
{
    const crdt__attr *attr;
    for (size_t i = 0; (attr = crdt__attrs_next(attributes, &i));) {
        crdt__attr old = crdt__attrs_or_null(&place->attrs, attr->name);
        if (!equal(old, *attr) && (!crdt__attrs_set(negated, old) || !put_mark(place, *attr)))
            return false;
    }
    return true;
}

/* Puts those marks, but for what the marks to the right bring back anyway (yjs:
 * insertNegatedAttributes). */
static bool close(crdt__text_place *place, crdt__attrs *negated)
{
    for (const crdt__item *it; pass_deleted(place), (it = right_of(place));) {
        if (!is_mark(it))
            break;
        crdt__attr mark = mark_at(place->doc, place->at.right);
        if (!equal(crdt__attrs_or_undefined(negated, mark.name), mark))
            break;
        crdt__attrs_remove(negated, mark.name);
        if (!step(place))
            return false;
    }
    const crdt__attr *attr;
    for (size_t i = 0; (attr = crdt__attrs_next(negated, &i));)
        if (!put_mark(place, *attr))
            return false;
    return true;
}

/* Sets to null what is set at the place and not in `attributes`. */
static bool complete(const crdt__text_place *place, crdt__attrs *attributes)
{
    const crdt__attr *attr;
    for (size_t i = 0; (attr = crdt__attrs_next(&place->attrs, &i));)
        if (!crdt__attrs_set(attributes, crdt__attrs_or_null(attributes, attr->name)))
            return false;
    return crdt__attrs_sort(place->doc, attributes);
}

/* yjs: insertText. */
bool crdt__format_insert(crdt__text_place *place, const crdt__wstruct *content,
                         crdt__attrs *attributes)
{
    crdt__attrs negated;
    crdt__attrs_init(&negated, place->doc);
    bool ok = complete(place, attributes) && skip(place, attributes) &&
              open(place, attributes, &negated) && put(place, content) && step(place) &&
              close(place, &negated);
    crdt__attrs_deinit(&negated);
    return ok;
}

/* ---- formatting ---- */

/* A mark within the range, of a key that is being set, goes; what it said comes back behind the
 * range. Behind the range itself, one that says something else ends the work: *done. */
static bool replace_mark(crdt__text_place *place, crdt__attr mark, uint64_t length,
                         crdt__attr wanted, crdt__attrs *negated, bool *done)
{
    if (equal(wanted, mark)) {
        crdt__attrs_remove(negated, mark.name);
    } else if (length == 0) {
        *done = true;
        return true;
    } else if (!crdt__attrs_set(negated, mark)) {
        return false;
    }
    return crdt__item_delete(place->doc, place->at.right);
}

/* Whether there is more to do: the range itself, then the marks right behind it. */
static bool goes_on(const crdt__text_place *place, uint64_t length, const crdt__attrs *negated)
{
    const crdt__item *it = right_of(place);
    return it && (length > 0 || (negated->count > 0 && (it->deleted || it->kind == CRDT__FORMAT)));
}

static bool format_items(crdt__text_place *place, uint64_t *length, const crdt__attrs *attributes,
                         crdt__attrs *negated)
{
    while (goes_on(place, *length, negated)) {
        const crdt__item *it = right_of(place);
        if (it->deleted) {
            pass_deleted(place);
            continue;
        }
        if (is_mark(it)) {
            crdt__attr mark = mark_at(place->doc, place->at.right);
            const crdt__attr *wanted = crdt__attrs_find(attributes, mark.name);
            bool done = false;
            if (wanted && !replace_mark(place, mark, *length, *wanted, negated, &done))
                return false;
            if (done)
                return true;
        } else {
            if (!cut(place, *length))
                return false;
            *length -= crdt__item_len(it);
        }
        if (!step(place))
            return false;
    }
    return true;
}

/* Quill's texts end with a newline that Yjs does not have; formatting it makes it. */
static bool put_newlines(crdt__text_place *place, uint64_t count)
{
    const crdt_mem *mem = place->doc->budget.mem;
    uint8_t *newlines = crdt__resize(mem, NULL, 0, (size_t)count);
    if (!newlines)
        return false;
    memset(newlines, '\n', (size_t)count);
    crdt__wstruct content = {.kind = CRDT__STRING,
                             .len = count,
                             .canonical = true,
                             .content = {newlines, (size_t)count}};
    bool ok = put(place, &content) && step(place);
    crdt__release(mem, newlines, (size_t)count);
    return ok;
}

/* yjs: formatText. */
bool crdt__format_range(crdt__text_place *place, uint64_t length, const crdt__attrs *attributes)
{
    crdt__attrs negated;
    crdt__attrs_init(&negated, place->doc);
    bool ok = skip(place, attributes) && open(place, attributes, &negated) &&
              format_items(place, &length, attributes, &negated) &&
              (length == 0 || put_newlines(place, length)) && close(place, &negated);
    crdt__attrs_deinit(&negated);
    return ok;
}

/* ---- deleting ---- */

/* What is not visible from `start` on: the end of it, and the last mark of each key in it. */
static bool find_gap(crdt_doc *doc, crdt__ref start, crdt__ref *end, crdt__attrs *last)
{
    crdt__ref ref = start;
    for (; (ref = crdt__position_live(doc, ref)); ref = crdt__item_at(doc, ref)->right) {
        if (is_visible(crdt__item_at(doc, ref)))
            break;
        crdt__attr mark = mark_at(doc, ref);
        if (!crdt__attrs_set(last, mark))
            return false;
    }
    *end = ref;
    return true;
}

/* Deletes a mark whose format another one sets again, or that was set already before the gap.
 * Before the place it no longer counts for the formats there. */
static bool clean_mark(crdt__text_place *place, crdt__ref ref, const crdt__attrs *before,
                       const crdt__attrs *last, bool reached)
{
    crdt__attr mark = mark_at(place->doc, ref);
    crdt__attr old = crdt__attrs_or_null(before, mark.name);
    bool overwritten = crdt__attrs_find(last, mark.name)->mark != ref;
    if (!overwritten && !identical(old, mark))
        return reached || apply_mark(&place->attrs, mark);
    if (!crdt__item_delete(place->doc, ref))
        return false;
    bool counts = !reached && identical(crdt__attrs_or_null(&place->attrs, mark.name), mark) &&
                  !identical(old, mark);
    return !counts || apply_mark(&place->attrs, old);
}

static bool clean_marks(crdt__text_place *place, crdt__ref ref, crdt__ref end,
                        const crdt__attrs *before, const crdt__attrs *last, bool reached)
{
    crdt_doc *doc = place->doc;
    for (; (ref = crdt__position_mark(doc, ref, end)); ref = crdt__item_at(doc, ref)->right)
        if (!clean_mark(place, ref, before, last, reached))
            return false;
    return true;
}

/* Takes away the marks that mean nothing now that all from `start` to the place is deleted, and
 * those right behind it (yjs: cleanupFormattingGap). Where something `left` was not deleted, since
 * no text editor put it there, the gap ends before it. */
static bool clean_gap(crdt__text_place *place, crdt__ref start, bool left,
                      const crdt__attrs *before)
{
    crdt__attrs last;
    crdt__ref end;
    crdt__attrs_init(&last, place->doc);
    bool ok = find_gap(place->doc, start, &end, &last);
    crdt__ref here = left ? end : place->at.right;
    ok = ok && clean_marks(place, start, here, before, &last, false) &&
         clean_marks(place, here, end, before, &last, true);
    crdt__attrs_deinit(&last);
    return ok;
}

static bool is_text_content(const crdt__item *it)
{
    return it->kind == CRDT__STRING || it->kind == CRDT__EMBED || it->kind == CRDT__TYPE;
}

/* *left: something was passed that is no text. */
static bool delete_items(crdt__text_place *place, uint64_t length, bool *left)
{
    for (const crdt__item *it; length > 0 && (it = right_of(place));) {
        if (it->deleted) {
            pass_deleted(place);
            continue;
        }
        if (is_text_content(it)) {
            if (!cut(place, length))
                return false;
            length -= crdt__item_len(it);
            if (!crdt__item_delete(place->doc, place->at.right))
                return false;
        } else if (is_visible(it)) {
            *left = true;
        }
        if (!step(place))
            return false;
    }
    return true;
}

/* yjs: deleteText. */
bool crdt__format_delete(crdt__text_place *place, uint64_t length)
{
    crdt__ref start = place->at.right;
    bool left = false;
    if (!start || !crdt__type_at(&place->doc->objects, place->text)->has_formatting)
        return delete_items(place, length, &left);
    crdt__attrs before;
    crdt__attrs_init(&before, place->doc);
    bool ok = crdt__attrs_copy(&before, &place->attrs) && delete_items(place, length, &left) &&
              clean_gap(place, start, left, &before);
    crdt__attrs_deinit(&before);
    return ok;
}
