/* GET /healthz, /readyz, /metrics: for those who run the server. They answer while it drains. */
#include <stdio.h>
#include <stdlib.h>

#include "api/routes.h"
#include "base/must.h"

static void respond_text(http_exchange *ex, int status, slice type, slice text)
{
    http_field fields[] = {
        {SLICE_LITERAL("Content-Type"), type},
        {SLICE_LITERAL("Cache-Control"), SLICE_LITERAL("no-store")},
    };
    http_respond(ex, status, fields, 2, text);
}

void api_get_healthz(void *ctx, http_exchange *ex)
{
    (void)ctx;
    respond_text(ex, 200, SLICE_LITERAL("text/plain; charset=utf-8"), SLICE_LITERAL("ok\n"));
}

void api_get_readyz(void *ctx, http_exchange *ex)
{
    const api *a = ctx;
    if (a->draining)
        api_respond_err(ex, ERR_DRAINING);
    else
        respond_text(ex, 200, SLICE_LITERAL("text/plain; charset=utf-8"), SLICE_LITERAL("ready\n"));
}

static void metric(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
            (unsigned long long)value);
}

static void print_rooms(FILE *out, const api *a)
{
    registry_stats s = registry_get_stats(a->rooms);
    metric(out, "weft_connections", "gauge", "Connections open.",
           tcp_streams_count(a->connections));
    metric(out, "weft_rooms", "gauge", "Documents open in memory.", s.rooms);
    metric(out, "weft_readers", "gauge", "Streams, sockets and waiting polls.", s.readers);
    metric(out, "weft_polls_waiting", "gauge", "Of them, polls.", polls_waiting(a->polls));
    metric(out, "weft_sockets", "gauge", "WebSockets open.", ws_count(a->sockets));
    metric(out, "weft_document_bytes", "gauge", "Memory of the open documents.", s.document_bytes);
    metric(out, "weft_events_total", "counter", "Updates accepted as events.", s.writes);
    metric(out, "weft_writes_unchanged_total", "counter", "Writes that changed nothing.",
           s.writes_unchanged);
    metric(out, "weft_writes_refused_total", "counter", "Writes refused.", s.writes_refused);
    metric(out, "weft_loads_total", "counter", "Documents read from storage.", s.loads);
    metric(out, "weft_catchups_total", "counter",
           "Merged updates made for readers that had fallen behind.", s.catchups);
}

static void print_storage(FILE *out, const api *a)
{
    persist_stats s = persist_get_stats(a->persist);
    metric(out, "weft_commits_total", "counter", "Transactions, each synced once.", s.commits);
    metric(out, "weft_commits_failed_total", "counter", "Transactions that failed.",
           s.commits_failed);
    metric(out, "weft_commit_ops_total", "counter", "Batches of documents in transactions.", s.ops);
    store_stats stored;
    if (store_get_stats(a->store, &stored) != STORE_OK)
        return;
    metric(out, "weft_documents", "gauge", "Documents stored.", stored.documents);
    metric(out, "weft_documents_damaged", "gauge",
           "Of them, refused since the start: their events are damaged.", stored.damaged);
    metric(out, "weft_storage_used_bytes", "gauge", "Bytes of the data file in use.",
           stored.used_bytes);
    metric(out, "weft_storage_tail_bytes", "gauge", "Of them, events that are not packed.",
           stored.tail_bytes);
    metric(out, "weft_storage_segment_bytes", "gauge", "Of them, packed events.",
           stored.segment_bytes);
    metric(out, "weft_storage_checkpoint_bytes", "gauge", "Of them, whole states.",
           stored.checkpoint_bytes);
    metric(out, "weft_storage_file_bytes", "gauge", "Bytes that the data file takes.",
           stored.file_bytes);
    metric(out, "weft_storage_map_bytes", "gauge", "Bytes of the storage's map.", stored.map_bytes);
}

void api_get_metrics(void *ctx, http_exchange *ex)
{
    const api *a = ctx;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    must(out != NULL);
    print_rooms(out, a);
    print_storage(out, a);
    must(fclose(out) == 0);
    respond_text(ex, 200, SLICE_LITERAL("text/plain; version=0.0.4; charset=utf-8"),
                 (slice){text, len});
    free(text);
}
