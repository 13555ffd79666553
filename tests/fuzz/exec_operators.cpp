#include "tests/fuzz/exec_operators.h"

#include "core/tensor/convert.h"

#include <algorithm>
#include <cstdlib>

namespace qs::fuzz {
namespace {

// type[@domain] opset [>outputs] attribute=value … : operand …
// Values: 3, 0.5, word, [1,2], [0.5,1.0], [a,b], !operand for a tensor. Operands: type[dims], type[dims]=1,2
// and type=1 for a scalar; a dash where one is omitted.
constexpr const char *kLines[] = {
    "Abs 13 : float32[2,3]",
    "Acos 7 : float32[4]",
    "Acosh 9 : float32[4]",
    "Add 14 : float32[2,3] float32[3]",
    "Add 6 broadcast=1 axis=0 : float32[2,3] float32[2]",
    "AffineGrid 20 align_corners=1 : float32[1,2,3] int64[4]=1,1,3,2",
    "And 7 : bool[2,3] bool[3]",
    "ArgMax 13 axis=1 keepdims=0 select_last_index=1 : float32[2,3]",
    "ArgMin 13 axis=-1 keepdims=1 : int32[2,3]",
    "Asin 7 : float32[4]",
    "Asinh 9 : float64[4]",
    "Atan 7 : float32[4]",
    "Atanh 9 : float32[4]",
    "Attention 23 is_causal=1 scale=0.5 softcap=1.0 q_num_heads=2 kv_num_heads=1 : float32[1,3,8] "
    "float32[1,4,4] "
    "float32[1,4,4] float32[3,4]",
    "Attention 23 >4 qk_matmul_output_mode=1 : float32[1,2,3,4] float32[1,2,3,4] float32[1,2,3,4] bool[3,5] "
    "float32[1,2,2,4] float32[1,2,2,4]",
    "Attention@com.microsoft 1 num_heads=2 unidirectional=1 mask_filter_value=-10000.0 : float32[1,3,4] "
    "float32[4,12] "
    "float32[12] int32[1]=2",
    "AveragePool 19 kernel_shape=[2,2] strides=[1,2] pads=[1,0,1,0] dilations=[1,2] ceil_mode=1 "
    "count_include_pad=1 : "
    "float32[1,2,5,6]",
    "BatchNormalization 15 epsilon=0.001 momentum=0.9 training_mode=0 : float32[2,3,2] float32[3] float32[3] "
    "float32[3] float32[3]",
    "BiasGelu@com.microsoft 1 : float32[2,3] float32[3]",
    "BitShift 11 direction=LEFT : uint8[3] uint8[3]=1,9,200",
    "BitShift 11 direction=RIGHT : uint64[2] uint64[2]=1,64",
    "BitwiseAnd 18 : int32[2,3] int32[3]",
    "BitwiseNot 18 : int8[3]",
    "BitwiseOr 18 : uint16[2,3] uint16[3]",
    "BitwiseXor 18 : int64[2,3] int64[3]",
    "BlackmanWindow 17 periodic=1 output_datatype=1 : int64=6",
    "Cast 13 to=3 : float32[4]",
    "Cast 21 to=22 : int32[5]",
    "Cast 19 to=17 saturate=1 : float32[4]",
    "CastLike 15 : float64[4] int8[1]",
    "Ceil 13 : float32[4]",
    "Celu 12 alpha=0.5 : float32[4]",
    "CenterCropPad 18 axes=[0,1] : float32[3,4] int64[2]=5,2",
    "Clip 13 : float32[4] float32=-1 float32=1",
    "Clip 6 min=-1.0 max=1.0 : float32[4]",
    "Col2Im 18 dilations=[1,1] pads=[0,0,0,0] strides=[1,1] : float32[1,4,3] int64[2]=2,4 int64[2]=2,2",
    "Compress 11 axis=1 : float32[2,3] bool[3]=1,0,1",
    "Concat 13 axis=1 : float32[2,3] float32[2,1] float32[2,2]",
    "Constant 13 value=!float32[2,2] :",
    "Constant 13 value_ints=[1,2] :",
    "ConstantOfShape 9 value=!int64[1]=7 : int64[2]=2,3",
    "Conv 11 kernel_shape=[3,3] pads=[1,1,1,1] strides=[1,1] dilations=[1,1] group=1 auto_pad=NOTSET : "
    "float32[1,4,5,5] float32[4,4,3,3] float32[4]",
    "Conv 11 kernel_shape=[3] group=4 pads=[1,1] : float32[2,4,6] float32[4,1,3]",
    "ConvInteger 10 kernel_shape=[2,2] pads=[0,0,0,0] strides=[1,1] dilations=[1,1] group=1 : uint8[1,1,3,3] "
    "uint8[1,1,2,2] uint8=1 uint8=2",
    "ConvTranspose 11 strides=[2,2] output_padding=[1,1] pads=[1,1,1,1] dilations=[1,1] group=1 "
    "kernel_shape=[3,3] : "
    "float32[1,2,3,3] float32[2,3,3,3] float32[3]",
    "ConvTranspose 11 strides=[3] output_shape=[8] auto_pad=SAME_UPPER : float32[1,1,3] float32[1,2,2]",
    "Cos 7 : float32[4]",
    "Cosh 9 : float32[4]",
    "CumSum 14 exclusive=1 reverse=1 : float32[2,3] int64=1",
    "DFT 17 axis=1 inverse=0 onesided=1 : float32[1,7,1] int64=5",
    "DFT 20 inverse=1 : float32[1,8,2] - int64=1",
    "DepthToSpace 13 blocksize=2 mode=CRD : float32[1,8,2,2]",
    "DequantizeLinear 21 axis=1 block_size=0 : int8[2,3] float32[3] int8[3]",
    "DequantizeLinear 21 axis=1 block_size=2 : uint4[2,4] float32[2,2] uint4[2,2]",
    "Det 11 : float32[2,3,3]",
    "Div 14 : int32[2,3] int32[3]=0,-1,2",
    "Dropout 13 >2 seed=1 : float32[4] float32=0.5",
    "DynamicQuantizeLinear 11 >3 : float32[5]",
    "Einsum 12 equation=bij,bjk->bik : float32[2,2,3] float32[2,3,2]",
    "Einsum 12 equation=...ii->...i : float32[2,3,3]",
    "Elu 6 alpha=0.5 : float32[4]",
    "EmbedLayerNormalization@com.microsoft 1 >3 epsilon=0.1 mask_index_type=0 : int32[1,3]=0,1,2 "
    "int32[1,3]=0,0,1 "
    "float32[4,4] float32[4,4] float32[2,4] float32[4] float32[4] int32[1,3]=1,1,0",
    "Equal 13 : int64[2,3] int64[3]",
    "Erf 13 : float32[4]",
    "Exp 13 : float32[4]",
    "Expand 13 : float32[2,1] int64[3]=3,1,4",
    "EyeLike 9 k=1 dtype=1 : int32[3,4]",
    "FastGelu@com.microsoft 1 : float32[2,3] float32[3]",
    "Flatten 13 axis=1 : float32[2,3,2]",
    "Floor 13 : float16[4]",
    "FusedMatMul@com.microsoft 1 alpha=0.5 transA=1 transB=1 : float32[3,2] float32[4,3]",
    "GRU 14 >2 hidden_size=2 direction=bidirectional linear_before_reset=1 clip=3.0 layout=0 : "
    "float32[3,2,3] "
    "float32[2,6,3] float32[2,6,2] float32[2,12] int32[2]=3,1 float32[2,2,2]",
    "Gather 13 axis=1 : float32[2,3] int64[2,2]=0,2,-1,1",
    "GatherElements 13 axis=1 : float32[2,3] int64[2,2]=0,2,-1,1",
    "GatherND 13 batch_dims=1 : float32[2,3,2] int64[2,1]=1,-1",
    "Gelu 20 approximate=tanh : float32[4]",
    "Gemm 13 alpha=0.5 beta=2.0 transA=1 transB=1 : float32[3,2] float32[4,3] float32[4]",
    "GlobalAveragePool 1 : float32[1,2,3,3]",
    "GlobalLpPool 2 p=2 : float32[1,2,3,3]",
    "GlobalMaxPool 1 : float32[1,2,3,3]",
    "Greater 13 : float32[2,3] float32[3]",
    "GreaterOrEqual 16 : uint8[2,3] uint8[3]",
    "GridSample 20 mode=cubic padding_mode=reflection align_corners=1 : float32[1,1,3,3] float32[1,2,2,2]",
    "GridSample 16 mode=bilinear padding_mode=zeros : float32[1,1,3,3] float32[1,2,2,2]",
    "GroupNormalization 21 epsilon=0.001 num_groups=2 : float32[1,4,3] float32[4] float32[4]",
    "GroupQueryAttention@com.microsoft 1 >3 num_heads=2 kv_num_heads=1 do_rotary=1 rotary_interleaved=1 : "
    "float32[1,2,8] float32[1,2,4] float32[1,2,4] - - int32[1]=1 int32=2 float32[4,2] float32[4,2]",
    "HammingWindow 17 periodic=0 : int64=5",
    "HannWindow 17 : int32=5",
    "HardSigmoid 6 alpha=0.2 beta=0.5 : float32[4]",
    "HardSwish 14 : float32[4]",
    "Hardmax 13 axis=1 : float32[2,3]",
    "Identity 14 : float32[4]",
    "InstanceNormalization 6 epsilon=0.001 : float32[2,3,4] float32[3] float32[3]",
    "IsInf 20 detect_negative=1 detect_positive=0 : float32[4]",
    "IsNaN 20 : float16[4]",
    "LRN 13 size=3 alpha=0.1 beta=0.75 bias=1.0 : float32[1,5,2]",
    "LSTM 14 >3 hidden_size=2 direction=reverse input_forget=1 activations=[Sigmoid,Tanh,Relu] : "
    "float32[3,2,3] "
    "float32[1,8,3] float32[1,8,2] float32[1,16] int32[2]=3,2 float32[1,2,2] float32[1,2,2] float32[1,6]",
    "LayerNormalization 17 >3 axis=-1 epsilon=0.001 stash_type=1 : float32[2,3] float32[3] float32[3]",
    "LeakyRelu 16 alpha=0.1 : float32[4]",
    "Less 13 : float64[2,3] float64[3]",
    "LessOrEqual 16 : int8[2,3] int8[3]",
    "Log 13 : float32[4]",
    "LogSoftmax 13 axis=1 : float32[2,3]",
    "LpNormalization 1 axis=-1 p=2 : float32[2,3]",
    "LpPool 18 kernel_shape=[2] strides=[1] pads=[1,0] p=3 : float32[1,2,5]",
    "MatMul 13 : float32[2,2,3] float32[3,4]",
    "MatMul 13 : int32[2,3] int32[3]",
    "MatMulInteger 10 : uint8[2,3] int8[3,2] uint8[2] int8[2]",
    "MatMulNBits@com.microsoft 1 K=4 N=3 bits=4 block_size=16 : float32[2,4] uint8[3,1,8] float32[3] "
    "uint8[3]",
    "Max 13 : float32[2,3] float32[3] float32[1]",
    "MaxPool 12 >2 kernel_shape=[2,2] strides=[2,1] pads=[1,1,0,0] dilations=[1,2] ceil_mode=1 "
    "storage_order=1 : "
    "float32[1,2,5,6]",
    "MaxUnpool 11 kernel_shape=[2] strides=[2] pads=[0,0] : float32[1,1,2] int64[1,1,2]=1,2 int64[3]=1,1,5",
    "Mean 13 : float32[2,3] float32[3]",
    "MeanVarianceNormalization 13 axes=[0,2] : float32[2,3,2]",
    "MelWeightMatrix 17 output_datatype=1 : int64=4 int64=16 int64=8000 float32=0 float32=4000",
    "Min 13 : int64[2,3] int64[3]",
    "Mish 18 : float32[4]",
    "Mod 13 fmod=0 : int32[2,3] int32[3]=0,-1,2",
    "Mod 13 fmod=1 : float32[2,3] float32[3]",
    "Mul 14 : float32[2,3] float32[3]",
    "MultiHeadAttention@com.microsoft 1 num_heads=2 : float32[1,3,4] float32[1,4,4] float32[1,4,4] "
    "float32[12] "
    "int32[1,4]=1,1,0,1 float32[1,2,3,4]",
    "Neg 13 : int8[4]",
    "NegativeLogLikelihoodLoss 13 reduction=mean ignore_index=1 : float32[2,3,2] int64[2,2]=0,1,2,0 "
    "float32[3]",
    "NonMaxSuppression 11 center_point_box=1 : float32[1,3,4] float32[1,2,3] int64=2 float32=0.5 float32=0",
    "NonZero 13 : float32[2,3]",
    "Not 1 : bool[4]",
    "OneHot 11 axis=-1 : int64[3]=0,-1,7 int64=4 float32[2]",
    "Or 7 : bool[2,3] bool[3]",
    "PRelu 16 : float32[2,3] float32[3]",
    "Pad 19 mode=wrap : float32[2,3] int64[2]=1,2 - int64[1]=1",
    "Pad 13 mode=reflect : float32[2,3] int64[4]=0,2,1,2 float32=3",
    "Pad 2 pads=[0,1,0,-1] value=0.5 : float32[2,3]",
    "Pow 15 : int32[2,3] int32[3]=0,-1,40",
    "QLinearConv 10 kernel_shape=[2,2] group=1 : uint8[1,1,3,3] float32=0.5 uint8=3 int8[2,1,2,2] float32[2] "
    "int8[2] "
    "float32=0.25 uint8=7 int32[2]",
    "QLinearMatMul 10 : uint8[2,3] float32=0.5 uint8=1 int8[3,2] float32=0.25 int8=0 float32=2 uint8=3",
    "QuantizeLinear 21 axis=1 block_size=0 : float32[2,3] float32[3] int8[3]",
    "QuantizeLinear 21 axis=1 block_size=2 output_dtype=21 : float32[2,4] float32[2,2]",
    "QuickGelu@com.microsoft 1 alpha=1.5 : float32[4]",
    "RMSNormalization 23 axis=-1 epsilon=0.001 : float32[2,3] float32[3]",
    "RNN 14 >2 hidden_size=2 activations=[Affine] activation_alpha=[0.5] activation_beta=[0.1] : "
    "float32[3,2,3] "
    "float32[1,2,3] float32[1,2,2] float32[1,4]",
    "Range 11 : int64=0 int64=7 int64=2",
    "Range 11 : float32=0 float32=3 float32=0.5",
    "Reciprocal 13 : float32[4]",
    "ReduceL1 18 keepdims=0 noop_with_empty_axes=1 : float32[2,3] int64[1]=1",
    "ReduceL2 13 axes=[0] : float32[2,3]",
    "ReduceLogSum 18 : float32[2,3] int64[2]=0,1",
    "ReduceLogSumExp 18 : float32[2,3]",
    "ReduceMax 20 keepdims=0 : bool[2,3] int64[1]=-1",
    "ReduceMean 18 : int32[2,3] int64[1]=0",
    "ReduceMin 13 axes=[1] keepdims=0 : uint8[2,3]",
    "ReduceProd 18 : int64[2,3] int64[1]=1",
    "ReduceSum 13 : float32[2,3,2] int64[2]=0,2",
    "ReduceSumSquare 18 : int32[2,3] int64[1]=1",
    "Relu 14 : float32[4]",
    "Reshape 14 allowzero=0 : float32[2,3] int64[2]=0,-1",
    "Resize 19 mode=linear coordinate_transformation_mode=half_pixel antialias=1 axes=[2,3] "
    "keep_aspect_ratio_policy=stretch : float32[1,1,3,4] - - int64[2]=2,7",
    "Resize 13 mode=cubic coordinate_transformation_mode=tf_crop_and_resize extrapolation_value=2.0 "
    "cubic_coeff_a=-0.5 "
    "exclude_outside=1 : float32[1,1,3,4] float32[8]=0,0,0,0,1,1,1,1 float32[4]=1,1,2,0.6",
    "Resize 13 mode=nearest nearest_mode=ceil coordinate_transformation_mode=align_corners : "
    "float32[1,1,3,4] - "
    "float32[4]=1,1,0.5,3",
    "ReverseSequence 10 time_axis=0 batch_axis=1 : float32[3,2] int64[2]=1,3",
    "RoiAlign 16 mode=avg output_height=2 output_width=2 sampling_ratio=0 spatial_scale=0.5 "
    "coordinate_transformation_mode=half_pixel : float32[1,1,4,4] float32[2,4]=0,0,3,3,1,1,2,2 int64[2]=0,0",
    "RotaryEmbedding 23 interleaved=1 num_heads=2 rotary_embedding_dim=0 : float32[1,3,8] float32[5,2] "
    "float32[5,2] "
    "int64[1,3]=0,1,4",
    "RotaryEmbedding@com.microsoft 1 num_heads=2 : float32[1,3,8] int64[1]=1 float32[5,2] float32[5,2]",
    "Round 11 : float32[4]",
    "STFT 17 onesided=1 : float32[1,9,1] int64=2 float32[4] int64=4",
    "Scatter 9 axis=0 : float32[3,2] int64[1,2]=2,0 float32[1,2]",
    "ScatterElements 18 axis=1 reduction=max : float32[3,2] int64[1,2]=1,-1 float32[1,2]",
    "ScatterND 18 reduction=add : float32[3,2] int64[2,1]=2,0 float32[2,2]",
    "Selu 6 alpha=1.5 gamma=1.0 : float32[4]",
    "Shape 15 start=1 end=-1 : float32[2,3,4]",
    "Shrink 9 bias=0.5 lambd=0.5 : int32[4]",
    "Sigmoid 13 : float32[4]",
    "Sign 13 : int8[4]",
    "SimplifiedLayerNormalization@com.microsoft 1 axis=-1 epsilon=0.001 : float32[2,3] float32[3]",
    "Sin 7 : float32[4]",
    "Sinh 9 : float32[4]",
    "Size 13 : float32[2,3]",
    "SkipLayerNormalization@com.microsoft 1 >4 epsilon=0.1 : float32[1,2,4] float32[1,2,4] float32[4] "
    "float32[4] "
    "float32[4]",
    "SkipSimplifiedLayerNormalization@com.microsoft 1 >4 : float32[1,2,4] float32[1,2,4] float32[4] "
    "float32[4]",
    "Slice 13 : float32[4,5] int64[2]=0,4 int64[2]=-1,-9 int64[2]=0,1 int64[2]=2,-1",
    "Slice 9 axes=[1] starts=[1] ends=[-1] : float32[4,5]",
    "Softmax 13 axis=-1 : float32[2,3]",
    "SoftmaxCrossEntropyLoss 13 >2 reduction=sum ignore_index=-1 : float32[2,3] int64[2]=0,2 float32[3]",
    "Softplus 1 : float32[4]",
    "Softsign 1 : float32[4]",
    "SpaceToDepth 13 blocksize=2 : float32[1,2,4,4]",
    "Split 18 >3 axis=1 num_outputs=3 : float32[2,5]",
    "Split 13 >2 axis=0 : float32[3,2] int64[2]=1,2",
    "Split 11 >2 split=[1,2] : float32[3,2]",
    "Sqrt 13 : float32[4]",
    "Squeeze 13 : float32[1,3,1] int64[1]=0",
    "Squeeze 11 axes=[2] : float32[1,3,1]",
    "Sub 14 : int8[2,3] int8[3]",
    "Sum 13 : float32[2,3] float32[3]",
    "Swish 24 alpha=0.5 : float32[4]",
    "Tan 7 : float32[4]",
    "Tanh 13 : float32[4]",
    "TfIdfVectorizer 9 mode=TFIDF min_gram_length=1 max_gram_length=2 max_skip_count=1 ngram_counts=[0,1] "
    "ngram_indexes=[1,0] pool_int64s=[7,7,8] weights=[0.5,2.0] : int64[2,3]=7,8,7,8,7,7",
    "ThresholdedRelu 10 alpha=0.5 : float32[4]",
    "Tile 13 : float32[2,3] int64[2]=2,1",
    "TopK 11 >2 axis=1 largest=1 sorted=1 : float32[2,5] int64[1]=3",
    "TopK 9 >2 axis=0 k=2 : float32[5]",
    "Transpose 13 perm=[2,0,1] : float32[2,3,4]",
    "Transpose 21 perm=[1,0] : uint4[3,3]",
    "Trilu 14 upper=0 : float32[3,4] int64=1",
    "Unique 11 >4 axis=1 sorted=0 : float32[2,4]",
    "Unsqueeze 13 : float32[3] int64[2]=0,-1",
    "Unsqueeze 11 axes=[1] : float32[3]",
    "Upsample 9 mode=linear : float32[1,1,2,3] float32[4]=1,1,2,1.5",
    "Upsample 7 mode=nearest scales=[1.0,1.0,2.0,0.5] : float32[1,1,2,3]",
    "Where 16 : bool[2,3] float32[3] float32[2,1]",
    "Xor 7 : bool[2,3] bool[3]",
};

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(separator, begin), text.size());
        if (end > begin)
            parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

double number(std::string_view text) {
    return std::strtod(std::string(text).c_str(), nullptr);
}

bool isNumber(std::string_view text) {
    return text.find_first_not_of("-.0123456789") == text.npos;
}

Tensor readOperand(std::string_view text) {
    if (text == "-")
        return {};
    const std::string_view declared = text.substr(0, text.find('='));
    const std::size_t bracket = declared.find('[');
    const DType type = dtypeFromName(declared.substr(0, bracket));
    std::vector<std::int64_t> dims;
    if (bracket != declared.npos)
        for (const auto dim : split(declared.substr(bracket + 1, declared.size() - bracket - 2), ','))
            dims.push_back(static_cast<std::int64_t>(number(dim)));
    Tensor values = Tensor::zeros(DType::Float64, Shape(std::move(dims)));
    const auto given = split(declared == text ? "" : text.substr(declared.size() + 1), ',');
    for (std::size_t i = 0; i < values.mutableValues<double>().size(); ++i)
        values.mutableValues<double>()[i] =
            i < given.size() ? number(given[i])
                             : static_cast<double>(i % 5) / (isFloatingPoint(type) ? 2 : 1);
    const auto packed = castTensor(values, type);
    // Packed integers are made by kernels only: any codes will do.
    return packed ? *packed : Tensor::zeros(type, values.shape());
}

Attribute readAttribute(std::string_view text) {
    if (text[0] == '!')
        return readOperand(text.substr(1));
    if (text[0] != '[') {
        if (!isNumber(text))
            return std::string(text);
        return text.find('.') == text.npos ? Attribute(static_cast<std::int64_t>(number(text)))
                                           : number(text);
    }
    const auto entries = split(text.substr(1, text.size() - 2), ',');
    if (!isNumber(entries[0]))
        return std::vector<std::string>(entries.begin(), entries.end());
    std::vector<double> reals;
    std::transform(entries.begin(), entries.end(), std::back_inserter(reals), number);
    if (text.find('.') != text.npos)
        return reals;
    return std::vector<std::int64_t>(reals.begin(), reals.end());
}

OperatorExample readLine(std::string_view line) {
    OperatorExample example;
    const auto words = split(line, ' ');
    const auto name = split(words[0], '@');
    example.type = name[0];
    example.domain = name.size() > 1 ? name[1] : "";
    example.opset = static_cast<std::int64_t>(number(words[1]));
    std::size_t at = 2;
    for (; words[at] != ":"; ++at)
        if (words[at][0] == '>')
            example.outputs = static_cast<int>(number(words[at].substr(1)));
        else {
            const std::size_t sign = words[at].find('=');
            example.attributes[std::string(words[at].substr(0, sign))] =
                readAttribute(words[at].substr(sign + 1));
        }
    for (++at; at < words.size(); ++at)
        example.operands.push_back(readOperand(words[at]));
    return example;
}

} // namespace

const std::vector<OperatorExample> &operatorExamples() {
    static const std::vector<OperatorExample> kExamples = [] {
        std::vector<OperatorExample> examples;
        std::transform(std::begin(kLines), std::end(kLines), std::back_inserter(examples), readLine);
        return examples;
    }();
    return kExamples;
}

} // namespace qs::fuzz
