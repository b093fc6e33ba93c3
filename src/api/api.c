#include "api/api.h"

void api_routes(struct api *api, struct router *r) {
    api_query_routes(api, r);
    api_tail_routes(api, r);
    api_summary_routes(api, r);
    api_admin_routes(api, r);
    api_elastic_routes(api, r);
}
