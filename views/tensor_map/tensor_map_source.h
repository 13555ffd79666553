#pragma once

#include "core/quant/weight_aspect.h"
#include "core/session/run.h"
#include "views/canvas/color_choice.h"
#include "views/canvas/heat_map_scene.h"
#include "views/canvas/surface_scene.h"

namespace qs::views {

/// What the tensor map shows.
struct TensorMapRequest {
    enum class Shown { Weight, Codes, Dequantized, Error, WeightSurface, ActivationSurface };

    std::shared_ptr<const Model> model;
    LayerId layer = kNoLayer;
    bool hasRun = false;
    std::shared_ptr<const LayerResult> result;   ///< of the shown run; null: none, or not reached yet
    std::shared_ptr<const LayerCapture> capture; ///< ActivationSurface
    Shown shown = Shown::Weight;

    bool operator==(const TensorMapRequest &) const = default;
    bool isSurface() const { return shown == Shown::WeightSurface || shown == Shown::ActivationSurface; }
    ValueKind valueKind() const;
    const Layer &layerInfo() const { return model->layers[static_cast<std::size_t>(layer)]; }
    /// Why there is nothing to show, as a sentence that says what to do; empty when there is something.
    QString whyNothing() const;
};

/// The weight of one layer in float and quantized, shared by everything that is shown of it. Immutable.
struct TensorMapBase {
    std::shared_ptr<const Model> model;
    LayerId layer = kNoLayer;
    std::shared_ptr<const QuantizedMatrix> matrix; ///< null: not quantized
    Tensor weights;                                ///< float32 [outChannels, inPerOut]
    HeatMapStats stats; ///< of weight and dequantized together: they share one colour scale

    MatrixView<const float> view() const {
        return {weights.values<float>().data(), weights.shape()[0], weights.shape()[1]};
    }
    std::int64_t bytes() const; ///< held beside model and run
};

/// What is shown, without what the colour controls decide.
struct TensorMapContent {
    TensorMapRequest request;
    std::shared_ptr<const TensorMapBase> base; ///< null for activations
    HeatMapScene scene;                        ///< maps; scale and colours are left to the view
    SurfaceScene surface;                      ///< 3-D; the same
    HeatMapStats stats;                        ///< that the colour scale is chosen by
    QString summary;                           ///< one line: sizes, format, what joined cells show
};

/// \param base  of an earlier content, or null; what fits is used again
/// \thread worker
Result<std::shared_ptr<const TensorMapContent>> loadTensorMap(const TensorMapRequest &request,
                                                              std::shared_ptr<const TensorMapBase> base,
                                                              const RunContext &ctx);

/// The colours of a content. \param map  as the controls say
HeatMapScale tensorMapScale(const TensorMapContent &content, const ColorMap &map, const ColorChoice &choice);

} // namespace qs::views
