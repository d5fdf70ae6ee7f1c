#include "edit/shape.h"

#include <string.h>

bool shape_count(const json_t *value, uint64_t *out)
{
    if (!json_is_real(value)) /* every number is read as one */
        return false;
    double number = json_real_value(value);
    if (!(number >= 0 && number <= (double)CRDT_CLOCK_MAX))
        return false;
    *out = (uint64_t)number;
    return (double)*out == number;
}

static bool is_count(const json_t *value)
{
    uint64_t count;
    return shape_count(value, &count);
}

/* Whether the object has no members but those in `names`, which ends with NULL. */
static bool has_only(const json_t *object, const char *const *names)
{
    size_t known = 0;
    for (; *names != NULL; names++)
        known += json_object_get(object, *names) != NULL;
    return json_object_size(object) == known;
}

/* ---- texts ---- */

static const char *check_operation(const json_t *op)
{
    static const char *const members[] = {"insert", "retain", "delete", "attributes", NULL};
    if (!json_is_object(op) || !has_only(op, members))
        return "an operation of a delta is an object with insert, retain or delete, and perhaps "
               "attributes";
    const json_t *insert = json_object_get(op, "insert");
    const json_t *retain = json_object_get(op, "retain");
    const json_t *removed = json_object_get(op, "delete");
    const json_t *attributes = json_object_get(op, "attributes");
    if ((insert != NULL) + (retain != NULL) + (removed != NULL) != 1)
        return "an operation of a delta has one of insert, retain and delete";
    if (json_is_null(insert))
        return "insert is a string, or another value but null as an embed";
    if ((retain != NULL && !is_count(retain)) || (removed != NULL && !is_count(removed)))
        return "retain and delete are whole numbers of UTF-16 code units";
    if (attributes != NULL && (removed != NULL || !json_is_object(attributes)))
        return "attributes are an object, beside insert or retain";
    return NULL;
}

static const char *check_text(const json_t *edit)
{
    static const char *const members[] = {"root", "as", "delta", NULL};
    const json_t *delta = json_object_get(edit, "delta");
    if (!json_is_array(delta) || !has_only(edit, members))
        return "an edit of a text has root, as, and delta, an array of operations";
    for (size_t i = 0; i < json_array_size(delta); i++) {
        const char *problem = check_operation(json_array_get(delta, i));
        if (problem != NULL)
            return problem;
    }
    return NULL;
}

/* ---- maps ---- */

static bool are_strings(const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!json_is_string(json_array_get(array, i)))
            return false;
    return json_is_array(array);
}

static const char *check_map(const json_t *edit)
{
    static const char *const members[] = {"root", "as", "set", "delete", NULL};
    const json_t *set = json_object_get(edit, "set");
    const json_t *removed = json_object_get(edit, "delete");
    if ((set == NULL && removed == NULL) || !has_only(edit, members))
        return "an edit of a map has root, as, and set or delete, or both";
    if (set != NULL && !json_is_object(set))
        return "set is an object of keys and their values";
    if (removed != NULL && !are_strings(removed))
        return "delete is an array of keys";
    return NULL;
}

/* ---- arrays ---- */

static const char *check_array(const json_t *edit)
{
    static const char *const members[] = {"root", "as", "insert", "delete", NULL};
    static const char *const insert_members[] = {"index", "values", NULL};
    static const char *const delete_members[] = {"index", "length", NULL};
    const json_t *insert = json_object_get(edit, "insert");
    const json_t *removed = json_object_get(edit, "delete");
    if ((insert == NULL) == (removed == NULL) || !has_only(edit, members))
        return "an edit of an array has root, as, and either insert or delete";
    if (insert != NULL &&
        (!json_is_object(insert) || !is_count(json_object_get(insert, "index")) ||
         !json_is_array(json_object_get(insert, "values")) || !has_only(insert, insert_members)))
        return "insert is an object with index, a whole number, and values, an array";
    if (removed != NULL &&
        (!json_is_object(removed) || !is_count(json_object_get(removed, "index")) ||
         !is_count(json_object_get(removed, "length")) || !has_only(removed, delete_members)))
        return "delete is an object with index and length, whole numbers";
    return NULL;
}

static const char *check_edit(const json_t *edit)
{
    const char *as = json_string_value(json_object_get(edit, "as"));
    if (!json_is_object(edit) || !json_is_string(json_object_get(edit, "root")) || as == NULL)
        return "an edit is an object with root, a string, and as, which is text, map or array";
    if (strcmp(as, "text") == 0)
        return check_text(edit);
    if (strcmp(as, "map") == 0)
        return check_map(edit);
    if (strcmp(as, "array") == 0)
        return check_array(edit);
    return "as is text, map or array";
}

const char *shape_check(const json_t *edits, size_t *wrong)
{
    for (size_t i = 0; i < json_array_size(edits); i++) {
        const char *problem = check_edit(json_array_get(edits, i));
        if (problem != NULL) {
            *wrong = i;
            return problem;
        }
    }
    return NULL;
}
