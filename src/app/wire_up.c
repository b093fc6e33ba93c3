#include "app/wire_up.h"
#include "api/jobs.h"
#include "base/log.h"
#include "base/random.h"
#include "catalog/catalog.h"
#include <stdio.h>
#include <unistd.h>


static enum err retention_of(const struct config *c, struct retention_rule *out, struct err_text *why) {
    for (size_t i = 0; i < c->retention_count; i++) {
        const struct config_retention *r = &c->retention[i];
        out[i] = (struct retention_rule){ .selector = r->selector, .keep_ns = r->keep_ns, .keep_bytes = (uint64_t)r->keep_bytes };
        if (!table_find(r->table, &out[i].table))
            return err_say(why, ERR_INVALID, "retention: line %u: there is no table '" STR_FMT "'", r->line, STR_ARG(r->table));
    }
    return ERR_OK;
}

static void say(void *ctx, const char *message) {
    (void)ctx;
    log_warn("store", "%s", message);
}

static enum err open_store(const struct config *c, struct disk *disk, struct api *api, struct err_text *why) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    struct retention_rule *rules = ARENA_NEW(&mem, struct retention_rule, c->retention_count + 1);
    TRY(retention_of(c, rules, why));
    struct store_config sc = {
        .disk = disk,
        .clock = api->clock,
        .flush_interval_ns = c->flush_interval,
        .flush_bytes = (uint64_t)c->flush_bytes,
        .journal_bytes_max = (uint64_t)c->journal_bytes_max,
        .disk_reserve_bytes = (uint64_t)c->disk_reserve_bytes,
        .future_limit_ns = c->future_limit,
        .retention = rules,
        .retention_count = c->retention_count,
        .say = say,
        .delete_match = query_delete_match,
        .delete_ctx = api,
    };
    return store_open(&sc, why, &api->store);
}

/* One for each data folder, for ever: Elasticsearch's clients tell clusters apart by it. */
static enum err cluster_uuid(struct api *api, struct err_text *why) {
    struct catalog *catalog = store_catalog(api->store);
    AUTO(buf) kept = { .limit_bytes = 64 };
    enum err e = catalog_setting(catalog, STR("cluster_uuid"), &kept, why);
    if (e == ERR_NOT_FOUND) {
        buf_addf(&kept, "%016llx%06llx", (unsigned long long)random_seed_real(),
                 (unsigned long long)(random_seed_real() & 0xffffff));
        e = catalog_set_setting(catalog, STR("cluster_uuid"), buf_str(&kept), why);
    }
    TRY(e);
    (void)snprintf(api->cluster_uuid, sizeof api->cluster_uuid, STR_FMT, (int)kept.n, kept.p);
    return ERR_OK;
}

enum err wire_up(const struct config *c, struct disk *disk, struct api *api, struct err_text *why) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *api = (struct api){ .clock = &clock_real, .config = c, .started_ns = clock_now_ns(&clock_real) };
    api->limits = (struct query_limits){ .memory_bytes = (uint64_t)c->query_memory_bytes,
                                         .rows_scanned = (uint64_t)c->query_rows_scanned,
                                         .bytes_scanned = (uint64_t)c->query_bytes_scanned,
                                         .time_ns = c->query_time };
    TRY(open_store(c, disk, api, why));
    TRY(cluster_uuid(api, why));
    api->pool = query_pool_new(c->query_workers ? (unsigned)c->query_workers : (unsigned)(cores > 0 ? cores : 1));
    api->jobs = jobs_new((unsigned)(c->query_concurrent ? c->query_concurrent : 1));
    return ERR_OK;
}

void wire_down(struct api *api) {
    jobs_free(api->jobs);
    query_pool_free(api->pool);
    store_close(api->store);
    *api = (struct api){ 0 };
}
