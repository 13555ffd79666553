#pragma once

#include "core/exec/kernel.h"

namespace qs {

using KernelFamily = std::span<const KernelEntry>;

KernelFamily unaryKernels();         ///< Abs, Exp, Sqrt, …: one element in, one out
KernelFamily activationKernels();    ///< Relu, Sigmoid, Clip, Erf, …
KernelFamily binaryKernels();        ///< Add, Mul, Pow, Max, …: with broadcasting
KernelFamily comparisonKernels();    ///< Equal, Less, And, Not, Where, …
KernelFamily castKernels();          ///< Cast, CastLike
KernelFamily reductionKernels();     ///< ReduceMean, ArgMax, CumSum, …
KernelFamily shapeKernels();         ///< Reshape, Shape, Squeeze, …: no element moves
KernelFamily movementKernels();      ///< Transpose, Slice, Concat, Tile, …: elements move by a regular rule
KernelFamily indexingKernels();      ///< Gather, GatherND, …: elements move by index tensors
KernelFamily padKernels();           ///< Pad
KernelFamily rearrangementKernels(); ///< DepthToSpace, ReverseSequence, Trilu, …
KernelFamily scatterKernels();       ///< ScatterElements, ScatterND
KernelFamily sortingKernels();       ///< TopK, Unique
KernelFamily selectionKernels();     ///< NonZero, Compress, NonMaxSuppression
KernelFamily generatorKernels();     ///< ConstantOfShape, Range, EyeLike, OneHot, …
KernelFamily matmulKernels();        ///< MatMul, Gemm
KernelFamily convolutionKernels();   ///< Conv
KernelFamily poolingKernels();       ///< MaxPool, AveragePool, GlobalAveragePool, …
KernelFamily normalizationKernels(); ///< BatchNormalization, LayerNormalization, …
KernelFamily softmaxKernels();       ///< Softmax, LogSoftmax, Hardmax
KernelFamily quantizationKernels();  ///< QuantizeLinear, DequantizeLinear, …
KernelFamily lossKernels();          ///< NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss
KernelFamily recurrentKernels();     ///< RNN, GRU, LSTM
KernelFamily signalKernels();        ///< DFT, STFT
KernelFamily signalWindowKernels();  ///< HannWindow, MelWeightMatrix, …
KernelFamily resizeKernels();        ///< Resize, Upsample
KernelFamily integerKernels();       ///< MatMulInteger, QLinearMatMul, ConvInteger, QLinearConv
KernelFamily bitwiseKernels();       ///< BitShift, BitwiseAnd, …
KernelFamily unpoolingKernels();     ///< MaxUnpool
KernelFamily gridSampleKernels();    ///< GridSample
KernelFamily transposedConvolutionKernels();   ///< ConvTranspose
KernelFamily statisticsNormalizationKernels(); ///< LRN, MeanVarianceNormalization, …
KernelFamily roiKernels();                     ///< RoiAlign
KernelFamily einsumKernels();                  ///< Einsum, Det
KernelFamily tfIdfKernels();                   ///< TfIdfVectorizer
KernelFamily imageKernels();                   ///< Col2Im, CenterCropPad, AffineGrid

} // namespace qs
