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
#define QS_ABI_MINOR 2u
#define QS_EXTENSION_QUANTIZER "quantoscope.quantizer/1"
#define QS_EXTENSION_BRANCH "quantoscope.branch/1"       /* since 1.1 */
#define QS_EXTENSION_TRANSFORM "quantoscope.transform/1" /* since 1.1 */
#define QS_EXTENSION_BLOCK "quantoscope.block/1"         /* since 1.1 */

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

/* Buffers of the host, valid until the call returns. */
typedef struct qs_input_statistics {
    uint32_t struct_size;
    int64_t count; /* columns */
    const float *minimum, *maximum, *mean, *mean_magnitude;
} qs_input_statistics;

typedef struct qs_inputs {
    uint32_t struct_size;
    int64_t tokens, cols;
    const float *values;
    const float *quantized;
} qs_inputs;

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
     * [cols, cols], owned by the host, valid until the call returns. With token_weighting of the method: 2 /
     * sum w times sum w x x^T.
     * QS_NOT_FOUND: no calibration was run for this layer. [thread-safe] */
    qs_status (*hessian)(qs_call *call, const double **matrix);
    /* Scale and zero point for a slice of finite values under the range rule, bits and convention of this
     * request; the scale is already rounded when the request stores float16 scales. count >= 1. QS_CANCELLED:
     * Cancel was pressed during a long search. [thread-safe] */
    qs_status (*fit_grid)(qs_call *call, const float *values, int64_t count, float *scale,
                          int32_t *zero_point);
    /* 64 random bits, a pure function of seed and index, the same on every machine. [thread-safe] */
    uint64_t (*random_bits)(uint64_t seed, uint64_t index);

    /* ---- since 1.1 ---- */
    /* What calibration saw of each column of the weight in the request, over all inputs: smallest, largest
     * and mean value and mean magnitude, float32 [cols] each. Columns of a convolution show their input
     * channel. QS_NOT_FOUND: no calibration was run for this layer. [thread-safe] */
    qs_status (*input_statistics)(qs_call *call, qs_input_statistics *statistics);
    /* The first inputs that calibration saw, float32 [tokens, cols] row-major, at least one, as they are and
     * as the layer will see them: `quantized` differs from `values` when the recipe quantizes the activation.
     * QS_NOT_FOUND: no calibration was run, or a convolution with a kernel (its columns are not kept).
     * [thread-safe] */
    qs_status (*inputs)(qs_call *call, qs_inputs *inputs);
    /* For methods with QS_STORES_OUTLIERS: this element keeps the value in float16 whatever its code says.
     * \return QS_INVALID_ARGUMENT outside of the matrix or not finite. [thread-safe] */
    qs_status (*keep_outlier)(qs_call *call, int64_t row, int64_t col, float value);
    /* For branches and transforms: `weights` [rows, cols] as they come back from the recipe's quantizer
     * (branches; the size of the request) or from plain rounding on the recipe's grid (transforms: that of
     * the first consumer of this size, cols = channels * taps), in `dequantized`. [worker-thread] */
    qs_status (*quantize)(qs_call *call, const float *weights, int64_t rows, int64_t cols,
                          float *dequantized);
    /* For branches: the codes of the latest quantize() are the ones to store. [worker-thread] */
    qs_status (*keep_quantized)(qs_call *call);
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
/* NEEDS_INPUTS: statistics and raw inputs. Without calibration the program says so before it calls. */
enum { QS_NEEDS_HESSIAN = 1u, QS_NEEDS_INPUTS = 2u };
/* What the result of a method holds besides codes, scales and zero points. */
enum {
    QS_STORES_REAL_ZERO_POINTS =
        1u,                      /* zero points are real numbers: value = scale * (code - real_zero_point) */
    QS_STORES_LEVELS = 2u,       /* one codebook: value = scale * levels[code - lowest_code] */
    QS_STORES_SLICE_LEVELS = 4u, /* a codebook for every slice */
    QS_STORES_OUTLIERS = 8u      /* some elements in float16: keep_outlier() */
};
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

    /* ---- since 1.1; NULL unless the method's `stores` asks for them ---- */
    float *real_zero_points; /* as scales; finite. zero_points are not read then */
    float *levels; /* [1 or slices, 2^bits], finite; value = scale * level. Zero points: lowest_code */
    /* What a slice costs in storage, in bits; preset to the size of a plain scale and zero point. Change it
     * if the method stores them otherwise (quantized scales, several scales a slice). */
    double scale_bits, zero_point_bits;
} qs_quantize_result;

/* What makes a token count more than others in the Hessian. */
enum {
    QS_TOKENS_EQUAL = 0,     /* nothing */
    QS_TOKENS_ATTENTION = 1, /* attention that it receives, summed over heads and queries */
    QS_TOKENS_NORM = 2,      /* length of its activation */
    QS_TOKENS_FIRST = 3      /* to be among the first tokens of its sequence */
};

/* Weights of the tokens of a sequence: importances are moved linearly to [smallest, 1], raised to the
 * exponent and scaled, so that they sum to the number of tokens. Padding gets 0. Since 1.2. */
typedef struct qs_token_weighting {
    uint32_t struct_size;
    int32_t importance; /* QS_TOKENS_... */
    double smallest;    /* (0, 1] */
    double exponent;    /* > 0 */
    int64_t first;      /* QS_TOKENS_FIRST: how many tokens */
} qs_token_weighting;

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
    /* ---- since 1.1 ---- */
    uint32_t stores;  /* QS_STORES_... or 0 */
    const char *cost; /* time and memory in the sizes of the layer: "d^3/3 + m d^2; d^2 doubles" */
    /* ---- since 1.2; NULL: tokens count alike ---- */
    /* Says how tokens count in the Hessian under these parameters; preset to QS_TOKENS_EQUAL. [thread-safe]
     */
    void (*token_weighting)(const char *parameters, qs_token_weighting *weighting);
} qs_quantizer;

/* ---- Extension "quantoscope.branch/1": weight = quantized + up . down, the branch in float16 --------------
 * The layer computes x_q Q^T + x (up down)^T: the branch reads the input before its activation is quantized.
 */

typedef struct qs_branch_request {
    uint32_t struct_size;
    qs_call *call;
    const char *layer_name;
    const float *weights; /* [rows, cols], finite. NULL in supports() */
    int64_t rows, cols;
    int32_t bits, convention, granularity; /* of the quantizer that host->quantize() runs */
    int64_t group_size;
    const char *parameters;
    uint64_t seed;
} qs_branch_request;

typedef struct qs_branch_result {
    uint32_t struct_size;
    uint32_t message_size;
    int64_t rank; /* 0..min(rows, cols), set by the plugin before it asks for room */
    /* [rank, cols] and [rows, rank]; the plugin gets them from reserve(). The host rounds them to float16. */
    void (*reserve)(struct qs_branch_result *result, int64_t rank, float **down, float **up);
    void *owner; /* of the host */
    char *message;
} qs_branch_result;

typedef struct qs_branch {
    uint32_t struct_size;
    uint32_t needs;
    int32_t status;
    const char *id, *name, *summary, *paper, *tags, *parameters, *cost;
    int32_t (*supports)(const qs_branch_request *request, char *reason, size_t reason_size);
    /* Calls host->quantize() at least once and host->keep_quantized() for the codes to store, then gives the
     * two factors. [worker-thread] */
    qs_status (*decompose)(const qs_branch_request *request, const qs_host *host, qs_branch_result *result);
} qs_branch;

/* ---- Extension "quantoscope.transform/1": what enters layers is changed, and the layers undo it -----------
 * A site is one activation tensor x that enters one or more layers. A transform replaces it by
 * x' = (x - shift) / scale (per channel), or by x' = x R with an invertible R; the host
 * changes the weights that read it (and adds W shift to their biases) and folds the change into what produces
 * x, or adds an operator where nothing can take it. The model computes the same function before and after.
 */

enum {
    QS_PRODUCER_NONE = 0, /* nothing can take the change: it becomes an operator of its own */
    QS_PRODUCER_NORM = 1, /* a normalization with a gain per channel */
    QS_PRODUCER_LAYER = 2 /* the output channels of a layer, directly or through ReLU or a product */
};
enum {
    QS_TRANSFORM_SCALES = 1u,   /* fills scale */
    QS_TRANSFORM_SHIFTS = 2u,   /* fills shift */
    QS_TRANSFORM_ROTATES = 4u,  /* fills matrix; invertible, the host inverts it */
    QS_TRANSFORM_RESIDUAL = 8u, /* fills matrix, orthogonal, for the whole residual stream of a transformer.
                                   With QS_TRANSFORM_ROTATES it is then asked about what enters the layers
                                   that write to the stream, too: these products run while the model runs */
    QS_TRANSFORM_REPEATS = 16u  /* the host repeats all sites until scales stay within 1e-6 of 1 */
};

typedef struct qs_site_consumer {
    const char *layer_name;
    const float *weights; /* [rows, channels, taps] row-major; taps = 1 but for convolutions. A depthwise
                             convolution has one row: each channel reads itself only */
    int64_t rows, taps;
    int32_t bits, convention, granularity; /* of the weight in the recipe; bits = 0: stays in float */
    int64_t group_size;
    int32_t activation_bits; /* 0: float */
    int32_t
        activation_convention; /* QS_ASYMMETRIC, ...; one scale for the tensor, by the recipe's range rule */
    int32_t depthwise;         /* non-zero: the one row stands for all channels, each its own output */
} qs_site_consumer;

typedef struct qs_transform_request {
    uint32_t struct_size;
    qs_call *call;
    const char *site_name; /* of the tensor */
    int64_t channels;
    int32_t producer;  /* QS_PRODUCER_... */
    int32_t can_shift; /* whether a shift can be folded */
    const qs_site_consumer *consumers;
    int64_t consumer_count; /* >= 1; 0 for the residual stream of QS_TRANSFORM_RESIDUAL */
    /* What calibration saw, NULL where the method needs none. */
    const float *minimum, *maximum, *mean, *mean_magnitude; /* [channels] */
    const float *inputs;                                    /* [tokens, channels] */
    int64_t tokens;
    const double *hessian; /* 2/n sum x x^T, [channels, channels]; NULL for convolutions with taps */
    /* QS_PRODUCER_LAYER: its weight [channels, producer_cols] as it is now, and its bias or NULL. */
    const float *producer_weights;
    const float *producer_bias;
    int64_t producer_cols;
    const char *parameters;
    uint64_t seed;
} qs_transform_request;

/* Buffers of the host, preset to the change that does nothing. */
typedef struct qs_transform_result {
    uint32_t struct_size;
    uint32_t message_size;
    float *scale;   /* [channels], positive and finite */
    float *shift;   /* [channels], finite */
    double *matrix; /* R [channels, channels]; NULL unless the method rotates */
    /* The range that x' is quantized over, where the method decides that, too; preset to NaN: as the recipe
     * says. */
    float activation_low, activation_high;
    char *message;
} qs_transform_result;

typedef struct qs_transform {
    uint32_t struct_size;
    uint32_t needs;
    uint32_t kinds; /* QS_TRANSFORM_... */
    int32_t status;
    const char *id, *name, *summary, *paper, *tags, *parameters, *cost;
    /* Whether the method has something to do at this site; else a reason. [thread-safe] */
    int32_t (*supports)(const qs_transform_request *request, char *reason, size_t reason_size);
    /* [worker-thread] */
    qs_status (*transform)(const qs_transform_request *request, const qs_host *host,
                           qs_transform_result *result);
} qs_transform;

/* ---- Extension "quantoscope.block/1": the weights of a block become codes together ------------------------
 * A block is a part of the network, as a residual or transformer block. The host has fitted a grid to every
 * layer; the method decides the codes, so that what leaves the block stays what it was in the float network,
 * and may learn the steps of the activations that enter the layers, and (since 1.2) the grids of the weights.
 */

typedef struct qs_block_layer {
    uint32_t struct_size;
    int32_t quantizes_activation; /* non-zero: what enters is quantized, with the step below to start from */
    const char *name;
    const float *weights; /* [rows, cols] row-major, finite */
    int64_t rows, cols;
    int32_t lowest_code, highest_code;
    /* Slice of element (r, c): 0 if slices_per_row is 0, else r * slices_per_row + c / slice_length. */
    int64_t slices_per_row, slice_length, slices;
    const float *scales;        /* [slices] */
    const int32_t *zero_points; /* [slices]; value = scale * (code - zero_point) */
    /* [rows, cols]: codes by rounding to nearest, or what an earlier window (qs_block_plan) made of them */
    const int16_t *nearest;
    float activation_scale;
    /* ---- since 1.2 ---- */
    int32_t convention;       /* QS_ASYMMETRIC, ...: all but that one fix the zero points */
    int32_t scale_as_float16; /* non-zero: scales of the result must be float16 values */
} qs_block_layer;

/* What the loss of a block can be made of: indices of term_weights and terms below. Means over samples and
 * positions. */
enum {
    QS_TERM_SQUARED_ERROR = 0, /* of the block's outputs against the float network's, sum over channels */
    /* The same, each element weighted by the squared gradient, there, of the KL divergence of the model's
     * outputs (mean weight 1), as it is at the first pass that asks for it: run nearest rounding first. */
    QS_TERM_FISHER_ERROR = 1,
    QS_TERM_OUTPUT_KL = 2, /* KL(softmax of target, softmax of output) over channels of the block's outputs */
    QS_TERM_MODEL_KL = 3,  /* the same of the model's outputs, everything behind the block in float */
    QS_TERM_LAYER_KL = 4,  /* KL both ways of the outputs of the block's layers, sum over layers */
    QS_BLOCK_TERMS = 5
};

/* One evaluation of the block on cached inputs of the calibration set. */
typedef struct qs_block_pass {
    uint32_t struct_size;
    int32_t all_samples; /* non-zero: all cached samples in order; else one mini-batch that seed picks */
    uint64_t seed;       /* of the mini-batch and of what is dropped from it */
    const float *const *weights;    /* [layers] of [rows, cols]: the values that the layers run with */
    const float *activation_scales; /* [layers], positive; NULL: activations stay float */
    double activation_share; /* chance of an element of a quantized activation to be quantized; 1 = always */
    double input_share;      /* chance of an element of the block's input to be that of the quantized network
                                before      it, not the float network's; 1 = always */
    /* Filled by the host; NULL where not wanted. Rounded activations pass gradients straight through inside
     * their range; the gradient of a step is that of LSQ (arXiv:1902.08153, eq. 3). */
    float *const *weight_gradients;     /* [layers] of [rows, cols] */
    double *activation_scale_gradients; /* [layers] */
    double loss;                        /* filled: sum of the terms, weighted */
    int64_t term_count;                 /* entries of the two arrays below: QS_BLOCK_TERMS */
    const double *term_weights;         /* NULL: squared error alone; 0 = not computed */
    double *terms; /* filled with the terms, without their weights; NULL where not wanted */
    /* Squared error and output KL: weight of the float block's outputs on the input at hand, against those of
     * the float network (0..1). */
    double same_input_target;
} qs_block_pass;

typedef struct qs_block_request {
    uint32_t struct_size;
    int32_t layer_count; /* >= 1 */
    qs_call *call;
    const char *block_name;
    const qs_block_layer *const *layers;
    const char *parameters; /* JSON object, complete and within the limits of the schema */
    uint64_t seed;
    /* Runs the block; not from two threads at a time. QS_CANCELLED: return it. Other failures: return them,
     * the host has said why. [worker-thread] */
    qs_status (*run)(qs_call *call, qs_block_pass *pass);
    uint32_t terms; /* bit i: term i can be asked for; a layer outside of its network has the first alone */
} qs_block_request;

/* Buffers of the host. */
typedef struct qs_block_result {
    uint32_t struct_size;
    uint32_t message_size;
    int16_t *const *codes;    /* [layers] of [rows, cols], preset to nearest; lowest_code..highest_code */
    float *activation_scales; /* [layers], preset to those of the request; positive */
    char *message;            /* as in qs_quantize_result */
    /* ---- since 1.2 ---- */
    float *const *scales;        /* [layers] of [slices], preset to those of the request; > 0 and finite */
    int32_t *const *zero_points; /* [layers] of [slices], preset likewise; lowest_code..highest_code */
} qs_block_result;

/* What the host gathers for a block before it calls. */
typedef struct qs_block_plan {
    uint32_t struct_size;
    uint32_t terms;      /* bit i: passes will ask for term i; preset to the squared error */
    int64_t batch_size;  /* samples of a mini-batch, >= 1 */
    int64_t max_samples; /* of the calibration set, >= 1 */
    /* Blocks that are reconstructed together, and how many of them the next such window takes again:
     * 0 <= overlap < window. Preset to 1 and 0. */
    int64_t window, overlap;
} qs_block_plan;

/* What get(QS_EXTENSION_BLOCK, i) returns. Stateless. A layer that is quantized outside of its network (tried
 * alone, or without a network that can run) arrives as a block of one, whose loss is that of its Hessian. */
typedef struct qs_block_method {
    uint32_t struct_size;
    uint32_t needs; /* 0 */
    int32_t status;
    const char *id, *name, *summary, *paper, *tags, *parameters, *cost;
    /* Fills the plan for these parameters; preset to the host's defaults. [thread-safe] */
    void (*plan)(const char *parameters, qs_block_plan *plan);
    /* Fills result->codes and activation_scales, and where grids were learned scales and zero_points.
     * [worker-thread] */
    qs_status (*reconstruct)(const qs_block_request *request, const qs_host *host, qs_block_result *result);
} qs_block_method;

#ifdef __cplusplus
}
#endif
#endif
