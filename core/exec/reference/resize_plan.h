#pragma once

#include "core/exec/node_reader.h"

namespace qs {

enum class ResizeMode { Nearest, Linear, Cubic };
enum class NearestMode { RoundPreferFloor, RoundPreferCeil, Floor, Ceil, CeilWhenSmaller };
enum class ResizeCoordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
    TfHalfPixelForNearest,
    TfCropAndResize,
};
enum class AspectRatio { Stretch, NotLarger, NotSmaller };

/// What the attributes of a Resize or Upsample node say.
struct ResizeForm {
    ResizeMode mode = ResizeMode::Nearest;
    NearestMode nearest = NearestMode::RoundPreferFloor;
    ResizeCoordinates coordinates = ResizeCoordinates::HalfPixel;
    AspectRatio aspectRatio = AspectRatio::Stretch;
    bool antialias = false, excludeOutside = false;
    double cubicCoefficient = -0.75, extrapolationValue = 0;
    std::optional<std::vector<std::int64_t>> axes; ///< that scales, sizes and roi are about; all when absent
    std::vector<float> scales;                     ///< of Upsample 7
    int roiInput = -1, scalesInput = -1, sizesInput = -1; ///< operand index, or -1

    /// \error Unsupported  a value that the operator's version does not know, or a combination that has no
    /// meaning
    static Result<ResizeForm> read(NodeReader &reader);
};

/// How one axis is resized.
struct ResizeAxis {
    std::int64_t src = 0, dst = 0;
    float scale = 1;         ///< dst / src before rounding
    float resizedLength = 0; ///< scale · src, not rounded
    float roiStart = 0, roiEnd = 1;
    bool isResized = false;
};

/// Operands of a call; nullptr or without elements where absent.
struct ResizeOperands {
    const Tensor *roi = nullptr, *scales = nullptr, *sizes = nullptr;
};

/// One entry per axis of the source.
/// \error InvalidArgument  neither or both of scales and sizes, a wrong number of them, or no positive ones
Result<std::vector<ResizeAxis>> planResize(const Shape &src, const ResizeForm &form,
                                           const ResizeOperands &operands);

} // namespace qs
