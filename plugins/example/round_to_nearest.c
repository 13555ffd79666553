/* SPDX-License-Identifier: MIT
 * A complete plugin in C: rounds every weight to the nearest code, with an optional factor on the range.
 * Build it anywhere:
 *   cc -std=c11 -O2 -fPIC -shared -I SDK/include round_to_nearest.c -o round_to_nearest.so -lm
 * and put it into ~/.local/share/quantoscope/plugins, or check it: qscope plugins check round_to_nearest.so
 */
#include <quantoscope/plugin.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double round_to(double value, int32_t mode) {
    if (mode == QS_ROUND_HALF_AWAY)
        return round(value);
    return mode == QS_ROUND_FLOOR ? floor(value + 0.5) : nearbyint(value);
}

/* The program has completed and checked the parameters, so "range_percent": number is there. A whole number,
 * because strtod() would depend on the decimal point of the user's locale. */
static float shrink_of(const char *parameters) {
    const char *key = strstr(parameters, "\"range_percent\"");
    const char *colon = key ? strchr(key, ':') : NULL;
    return colon ? (float)strtol(colon + 1, NULL, 10) / 100.0f : 1.0f;
}

static int32_t supports(const qs_quantize_request *request, char *reason, size_t reason_size) {
    if (request->granularity != QS_PER_TENSOR)
        return 1;
    snprintf(reason, reason_size, "this example does per-channel and per-group scales only");
    return 0;
}

/* One slice: the host fits the grid to the shrunk values, the codes clip what lies outside. */
static qs_status quantize_slice(const qs_quantize_request *request, const qs_host *host, int64_t first,
                                int64_t count, int64_t slice, float *shrunk, qs_quantize_result *result) {
    const float shrink = shrink_of(request->parameters);
    for (int64_t i = 0; i < count; ++i)
        shrunk[i] = shrink * request->weights[first + i];
    float scale = 1.0f;
    int32_t zero = 0;
    const qs_status status = host->fit_grid(request->call, shrunk, count, &scale, &zero);
    if (status != QS_OK)
        return status;
    result->scales[slice] = scale;
    result->zero_points[slice] = zero;
    for (int64_t i = 0; i < count; ++i) {
        double code = round_to((double)request->weights[first + i] / scale, request->rounding) + zero;
        code = fmin(fmax(code, request->lowest_code), request->highest_code);
        result->codes[first + i] = (int16_t)code;
    }
    return QS_OK;
}

static qs_status quantize(const qs_quantize_request *request, const qs_host *host,
                          qs_quantize_result *result) {
    const int64_t groups = request->groups_per_row;
    const int64_t size = request->granularity == QS_PER_GROUP ? request->group_size : request->cols;
    float *shrunk = malloc((size_t)request->cols * sizeof *shrunk);
    if (!shrunk)
        return QS_OUT_OF_MEMORY;
    qs_status status = QS_OK;
    for (int64_t row = 0; row < request->rows && status == QS_OK; ++row) {
        if (host->cancelled(request->call))
            status = QS_CANCELLED;
        for (int64_t group = 0; group < groups && status == QS_OK; ++group) {
            const int64_t left = request->cols - group * size;
            status = quantize_slice(request, host, row * request->cols + group * size,
                                    left < size ? left : size, row * groups + group, shrunk, result);
        }
        host->progress(request->call, row + 1, request->rows, "rounding");
    }
    free(shrunk);
    return status;
}

static const qs_quantizer quantizer = {
    .struct_size = sizeof(qs_quantizer),
    .status = QS_EXPERIMENTAL,
    .id = "example-rtn",
    .name = "Round to nearest (example)",
    .summary = "Rounds every weight to the nearest code of a shrunk range.",
    .paper = "",
    .tags = "rounding,example",
    .parameters = "{\"type\":\"object\",\"properties\":{\"range_percent\":{\"type\":\"integer\","
                  "\"title\":\"Range (%)\",\"description\":\"100 keeps the range; less clips its ends\","
                  "\"default\":100,\"minimum\":10,\"maximum\":100}}}",
    .supports = supports,
    .quantize = quantize,
};

static qs_status init(const qs_host *host, const char *plugin_dir) {
    (void)host;
    (void)plugin_dir;
    return QS_OK;
}
static void deinit(void) {}
static size_t count(const char *extension_id) {
    return strcmp(extension_id, QS_EXTENSION_QUANTIZER) == 0 ? 1 : 0;
}
static const void *get(const char *extension_id, size_t index) {
    return index < count(extension_id) ? &quantizer : NULL;
}

QS_EXPORT const qs_plugin_entry qs_plugin = {sizeof(qs_plugin_entry),
                                             QS_ABI_MAJOR,
                                             QS_ABI_MINOR,
                                             "org.quantoscope.example",
                                             "1.0.0",
                                             "MIT",
                                             init,
                                             deinit,
                                             count,
                                             get};
