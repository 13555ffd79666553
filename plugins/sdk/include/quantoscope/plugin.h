/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 The Quantoscope authors. See LICENSE beside the include folder.
 *
 * The plugin ABI of Quantoscope: everything that a plugin and the program say to each other. C11, UTF-8,
 * fixed-width integers, buffers owned by the caller, no exceptions across this border.
 *
 * Version law
 *  - Every struct starts with struct_size, the sizeof at the time when its side was built. Fields are only
 * ever added at the end (a higher QS_ABI_MINOR); a field may be read only if struct_size covers it: QS_HAS().
 *  - The host refuses another abi_major and accepts any abi_minor.
 *  - A changed meaning gets a new extension id ("quantoscope.quantizer/2"); the old one stays.
 *
 * Threads. Every function states who calls it:
 *  [main-thread]    from the thread that loads plugins, never two at a time
 *  [worker-thread]  from any thread, several at a time, each call with its own request and result
 *  [thread-safe]    from any thread at any time between init and deinit
 */
#ifndef QUANTOSCOPE_PLUGIN_H
#define QUANTOSCOPE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QS_ABI_MAJOR 1u
#define QS_ABI_MINOR 0u
#define QS_EXTENSION_QUANTIZER "quantoscope.quantizer/1"

#define QS_EXPORT __attribute__((visibility("default")))
/* Whether *pointer, written by the other side, is long enough to hold `field`. */
#define QS_HAS(type, field, pointer)                                                                         \
    ((pointer)->struct_size >= offsetof(type, field) + sizeof((pointer)->field))

typedef int32_t qs_status;
enum {
    QS_OK = 0,
    QS_CANCELLED = 1,        /* cancelled() turned true; results are ignored, nothing is reported */
    QS_INVALID_ARGUMENT = 2, /* parameters or data that the method cannot take */
    QS_UNSUPPORTED = 3,      /* legal, but this method does not do it */
    QS_NOT_FOUND = 4,        /* a service has no such data: no calibration was run */
    QS_OUT_OF_MEMORY = 5,
    QS_FAILED = 6 /* anything else; say what in the message */
};

enum { QS_LOG_INFO = 0, QS_LOG_WARNING = 1, QS_LOG_ERROR = 2 };

/* One call of the host into a plugin: what services are asked about. Opaque; valid during that call. */
typedef struct qs_call qs_call;

/* What the program offers. One struct for the life of the plugin, from init to deinit. */
typedef struct qs_host {
    uint32_t struct_size;
    uint32_t abi_major, abi_minor;
    const char *program; /* "quantoscope" */
    const char *version;

    /* A finding that the user reads beside the layer; one sentence. call may be NULL (in init): then it goes
     * to standard error. [thread-safe] */
    void (*log)(qs_call *call, int32_t severity, const char *text);
    /* done of total work units are finished; stage says what is being done, in a few words. Cheap enough for
     * every millisecond; the host throttles. [thread-safe] */
    void (*progress)(qs_call *call, int64_t done, int64_t total, const char *stage);
    /* Non-zero when the user pressed Cancel: return QS_CANCELLED within 50 ms. [thread-safe] */
    int32_t (*cancelled)(const qs_call *call);
    /* How many threads this call may keep busy, >= 1. Results must not depend on it. [thread-safe] */
    int32_t (*max_threads)(const qs_call *call);
    /* H = 2/n sum x x^T over the captured inputs x of the weight in the request: symmetric, row-major float64
     * [cols, cols], owned by the host, valid until the call returns.
     * QS_NOT_FOUND: no calibration was run for this layer. [thread-safe] */
    qs_status (*hessian)(qs_call *call, const double **matrix);
    /* Scale and zero point for a slice of finite values under the range rule, bits and convention of this
     * request; the scale is already rounded when the request stores float16 scales. count >= 1. QS_CANCELLED:
     * Cancel was pressed during a long search. [thread-safe] */
    qs_status (*fit_grid)(qs_call *call, const float *values, int64_t count, float *scale,
                          int32_t *zero_point);
    /* 64 random bits, a pure function of seed and index, the same on every machine. [thread-safe] */
    uint64_t (*random_bits)(uint64_t seed, uint64_t index);
} qs_host;

typedef struct qs_plugin_entry {
    uint32_t struct_size;
    uint32_t abi_major, abi_minor; /* QS_ABI_MAJOR, QS_ABI_MINOR at the time of the build */
    const char *id;                /* reverse domain, never reused: "org.example.my-methods" */
    const char *version;           /* of the plugin: "1.2.0" */
    const char *license;           /* SPDX expression */
    qs_status (*init)(const qs_host *host, const char *plugin_dir); /* [main-thread] once; no computation */
    void (*deinit)(void);                                           /* [main-thread] after the last use */
    size_t (*count)(const char *extension_id);                  /* [thread-safe] 0 for unknown extensions */
    const void *(*get)(const char *extension_id, size_t index); /* [thread-safe] lives until deinit */
} qs_plugin_entry;

/* Every plugin defines and exports exactly this symbol. */
#ifdef __cplusplus
extern QS_EXPORT const qs_plugin_entry qs_plugin;
#else
extern const qs_plugin_entry qs_plugin;
#endif

/* ---- Extension "quantoscope.quantizer/1": a weight becomes integer codes ----------------------------------
 */

enum { QS_PER_TENSOR = 0, QS_PER_CHANNEL = 1, QS_PER_GROUP = 2 };
enum {
    QS_ASYMMETRIC = 0,           /* s = (hi-lo)/(2^b-1), z = round(-lo/s), codes 0..2^b-1 */
    QS_SYMMETRIC_OFFSET = 1,     /* S1: s = 2 amax/(2^b-1), z = 2^(b-1), codes 0..2^b-1 */
    QS_SYMMETRIC_RESTRICTED = 2, /* S2: s = amax/(2^(b-1)-1), z = 0 */
    QS_SYMMETRIC_FULL = 3        /* S3: s = amax/2^(b-1), z = 0, codes -2^(b-1)..2^(b-1)-1 */
};
enum { QS_ROUND_HALF_EVEN = 0, QS_ROUND_HALF_AWAY = 1, QS_ROUND_FLOOR = 2 /* floor(x + 0.5) */ };
enum { QS_NEEDS_HESSIAN = 1u };
enum { QS_REFERENCE_CHECKED = 0, QS_PAPER_FORMULA = 1, QS_EXPERIMENTAL = 2 };

/* One weight matrix to quantize. A convolution with groups arrives as one request per group ("part"). */
typedef struct qs_quantize_request {
    uint32_t struct_size;
    int32_t bits; /* 2..15 */
    qs_call *call;
    const char *layer_name;
    const float *weights; /* [rows, cols] row-major, finite; rows are outputs. NULL in supports() */
    int64_t rows, cols;   /* >= 1 */
    int32_t lowest_code, highest_code; /* codes outside break the contract */
    int32_t convention;                /* QS_ASYMMETRIC, ... */
    int32_t granularity;               /* QS_PER_TENSOR, ... */
    int64_t group_size;                /* columns that share a scale; QS_PER_GROUP only */
    int64_t groups_per_row;            /* ceil(cols / group_size) for QS_PER_GROUP, else 1 */
    int32_t rounding;                  /* QS_ROUND_HALF_EVEN, ... */
    int32_t scale_as_float16;          /* non-zero: scales must be float16 values; fit_grid returns such */
    int64_t part, parts;               /* this request is part `part` of `parts` of the layer */
    const char *parameters;            /* JSON object, complete and within the limits of the schema */
    uint64_t seed;                     /* for every random choice of the method */
} qs_quantize_request;

/* Buffers of the host that quantize() fills. The value of an element is scale * (code - zero_point). */
typedef struct qs_quantize_result {
    uint32_t struct_size;
    uint32_t message_size;
    int16_t *codes;           /* [rows, cols], lowest_code..highest_code */
    float *scales;            /* [rows * groups_per_row], or [1] for QS_PER_TENSOR; > 0 and finite */
    int32_t *zero_points;     /* as scales; lowest_code..highest_code */
    int32_t *group_of_column; /* [cols], preset to column / group_size; change it only if the method groups
                                 columns in another order. The same for all rows. */
    char *message;            /* [message_size]: why the status is not QS_OK, NUL-terminated */
} qs_quantize_result;

/* What get(QS_EXTENSION_QUANTIZER, i) returns. Stateless: the same request gives the same result, at any
 * time, on any number of threads. */
typedef struct qs_quantizer {
    uint32_t struct_size;
    uint32_t needs;         /* QS_NEEDS_HESSIAN or 0 */
    int32_t status;         /* QS_REFERENCE_CHECKED, ... */
    const char *id;         /* what recipes say: "gptq"; lower case, unique in the program */
    const char *name;       /* "GPTQ" */
    const char *summary;    /* one sentence */
    const char *paper;      /* "Frantar et al. 2022, arXiv:2210.17323", or "" */
    const char *tags;       /* separated by commas: "rounding,hessian" */
    const char *parameters; /* JSON Schema: {"type":"object","properties":{name: {type, title, description,
                               default, minimum, maximum | enum}}}; types boolean, integer, number, string
                               with enum. The form in the window is made from it. */
    /* Non-zero if it can take the request; else writes the reason that the user reads. [thread-safe] */
    int32_t (*supports)(const qs_quantize_request *request, char *reason, size_t reason_size);
    /* Fills result->codes, scales, zero_points. [worker-thread] */
    qs_status (*quantize)(const qs_quantize_request *request, const qs_host *host,
                          qs_quantize_result *result);
} qs_quantizer;

#ifdef __cplusplus
}
#endif
#endif
