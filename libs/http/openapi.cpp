// SPDX-License-Identifier: Apache-2.0
#include "http/openapi.hpp"

#include <boost/json/serialize.hpp>

#include "base/text.hpp"
#include "http/idempotency_key.hpp"

namespace bulkhead::http {
namespace {

json::object security_schemes() {
    return {
        {"bearer",
         {{"type", "http"},
          {"scheme", "bearer"},
          {"bearerFormat", "JWT"},
          {"description", "The access_token of signup or login"}}},
        {"cookie",
         {{"type", "apiKey"},
          {"in", "cookie"},
          {"name", "access_token"},
          {"description",
           "Set by signup and login with \"transport\":\"cookie\"; over TLS and in production its name is "
           "__Host-access_token. A write needs the API's own origin, or one of CORS_ORIGINS."}}},
        {"platformToken",
         {{"type", "http"},
          {"scheme", "bearer"},
          {"description", "The platform's own token (PLATFORM_ADMIN_TOKEN)"}}}};
}

json::object tenant_header() {
    return {{"name", "X-Tenant-ID"},
            {"in", "header"},
            {"description", "Slug of the tenant; by default the host's or the server's default tenant."},
            {"schema", {{"type", "string"}}}};
}

json::object describe_row(const route& row, schema::components& components) {
    operation op(components);
    if (row.required == access::tenant) op.parameter(tenant_header());
    if (row.required == access::tenant || row.required == access::user)
        document_idempotency_key(op, row.method);
    row.document(op);
    for (auto code : row.texts.failures) op.fails(code);
    if (!row.texts.probe && row.texts.rate != rate_class::none) op.fails(errc::too_many_requests);
    op.fails(errc::unavailable);
    auto out = op.take();
    out["operationId"] = row.texts.id;
    out["summary"] = row.texts.summary;
    out["tags"] = {row.texts.tag};
    if (!row.texts.description.empty()) out["description"] = row.texts.description;
    if (row.required == access::user)
        out["security"] = {{{"bearer", json::array{}}}, {{"cookie", json::array{}}}};
    if (row.required == access::platform) out["security"] = {{{"platformToken", json::array{}}}};
    return out;
}

}  // namespace

std::string openapi_document(const router& routes, const api_info& info) {
    schema::components components;
    json::object paths;
    for (const auto& row : routes.rows()) {
        const auto method = boost::beast::http::to_string(row.method);
        auto& path = paths[row.path];
        if (!path.is_object()) path.emplace_object();
        path.as_object()[to_lower({method.data(), method.size()})] = describe_row(row, components);
    }
    components.schemas["problem"] = problem_schema();
    const json::object document{
        {"openapi", "3.1.0"},
        {"info",
         {{"title", info.title},
          {"version", info.version},
          {"description", info.description},
          {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
        {"servers", {{{"url", "/"}}}},
        {"paths", std::move(paths)},
        {"components",
         {{"schemas", std::move(components.schemas)}, {"securitySchemes", security_schemes()}}}};
    return json::serialize(document);
}

}  // namespace bulkhead::http
