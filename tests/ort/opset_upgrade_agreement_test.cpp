#include "core/export/exporters/onnx_opset_upgrade.h"

#include "tests/ort/onnx_runtime.h"
#include "tests/support/onnx_text_model.h"
#include "tests/support/sample_run.h"
#include "tests/support/temp_dir.h"

#include <onnx/onnx_pb.h>

namespace qs {
namespace {

struct UpgradeCase {
    const char *name;
    int opset;
    const char *body; ///< from float x[2,3,4,4] to y
};

constexpr UpgradeCase kCases[] = {
    {"SoftmaxDefaultAxis", 11, "y = Softmax(x)"},
    {"SoftmaxAxis2", 12, "y = Softmax<axis = 2>(x)"},
    {"SoftmaxLastAxis", 11, "y = Softmax<axis = -1>(x)"},
    {"LogSoftmaxAxis0", 9, "y = LogSoftmax<axis = 0>(x)"},
    {"HardmaxAxis1", 11, "y = Hardmax<axis = 1>(x)"},
    {"ClipBoth", 9, "y = Clip<min = -0.5, max = 0.25>(x)"},
    {"ClipUpper", 9, "y = Clip<max = 0.25>(x)"},
    {"PadValue", 9, "y = Pad<pads = [0,0,1,0,0,0,0,2], value = 0.5>(x)"},
    {"PadReflect", 10, "y = Pad<mode = \"reflect\", pads = [0,0,1,1,0,0,1,1]>(x)"},
    {"SliceAxes", 9, "y = Slice<axes = [1, 3], starts = [1, 0], ends = [3, -1]>(x)"},
    {"SliceNoAxes", 9, "y = Slice<starts = [0, 1], ends = [2, 3]>(x)"},
    {"TopK", 9, "y, i = TopK<k = 2, axis = -1>(x)"},
    {"SplitEqual", 11, "a, b = Split<axis = 2>(x) y = Sub(a, b)"},
    {"SplitEqual13", 13, "a, b = Split<axis = 2>(x) y = Sub(a, b)"},
    {"SplitSizes", 9, "a, y = Split<axis = 1, split = [1, 2]>(x)"},
    {"SqueezeUnsqueeze", 11, "a = Unsqueeze<axes = [0, 5]>(x) b = Relu(a) y = Squeeze<axes = [0, 5]>(b)"},
    {"ReduceSum", 11, "y = ReduceSum<axes = [2, 3], keepdims = 0>(x)"},
    {"ReduceSumAll", 11, "y = ReduceSum(x)"},
    {"ReduceMean", 17, "y = ReduceMean<axes = [-1]>(x)"},
    {"ReduceMax", 12, "y = ReduceMax<axes = [1]>(x)"},
    {"ReduceL2", 17, "y = ReduceL2<axes = [1, 2]>(x)"},
    {"ReduceLogSumExp", 17, "y = ReduceLogSumExp(x)"},
    {"ReduceProd", 13, "y = ReduceProd<axes = [3]>(x)"},
    {"UpsampleNearest", 7, "y = Upsample<mode = \"nearest\", scales = [1.0,1.0,2.0,3.0]>(x)"},
    {"UpsampleLinear", 7, "y = Upsample<mode = \"linear\", scales = [1.0,1.0,2.0,2.0]>(x)"},
    {"ResizeNearest", 10,
     "s = Constant<value = float[4] {1.0, 1.0, 1.5, 2.0}>() y = Resize<mode = \"nearest\">(x, s)"},
    {"ResizeNearestSmaller", 10,
     "s = Constant<value = float[4] {1.0, 1.0, 0.7, 0.4}>() y = Resize<mode = \"nearest\">(x, s)"},
    {"ResizeLinear", 10,
     "s = Constant<value = float[4] {1.0, 1.0, 1.5, 2.0}>() y = Resize<mode = \"linear\">(x, s)"},
    {"Dropout", 10, "y = Dropout<ratio = 0.3>(x)"},
    {"BatchNormalization", 7,
     "s = Constant<value = float[3] {1.0, 2.0, 0.5}>() b = Constant<value = float[3] {0.1, 0.2, 0.3}>() "
     "y = BatchNormalization(x, s, b, b, s)"},
    {"Scatter", 9,
     "i = Constant<value = int64[2,3,1,4] {0,1,2,3,3,2,1,0,0,1,2,3,1,1,1,1,2,2,2,2,0,0,3,3}>() "
     "u = Slice<axes = [2], starts = [0], ends = [1]>(x) y = Scatter<axis = 2>(x, i, u)"},
    {"RoiAlign", 10,
     "r = Constant<value = float[2,4] {0.0, 0.0, 3.0, 3.0, 1.0, 0.5, 2.5, 3.0}>() "
     "b = Constant<value = int64[2] {0, 1}>() "
     "y = RoiAlign<output_height = 2, output_width = 2, sampling_ratio = 2>(x, r, b)"},
    {"GridSample", 16,
     "g = Constant<value = float[2,1,2,2] {0.1, -0.3, 0.9, 0.2, -0.8, 0.4, 0.0, 0.7}>() "
     "y = GridSample<mode = \"bilinear\">(x, g)"},
};

/// Every rewrite, run before and after in ONNX Runtime: the same values.
TEST(OpsetUpgradeAgreement, RewrittenOperatorsComputeTheSame) {
    const TempDir folder;
    const Tensor x = sampleValues(Shape{2, 3, 4, 4}, 7);
    std::vector<OrtJob> jobs;
    for (const UpgradeCase &test : kCases) {
        onnx::ModelProto model =
            parseOnnxText("<ir_version: 8, opset_import: [\"\" : " + std::to_string(test.opset) +
                          "]> g (float[2,3,4,4] x) => (float y) {" + test.body + "}");
        // The shape of y is not the subject here, and a wrong one would be refused.
        model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
        jobs.push_back(
            {folder.write(std::string(test.name) + ".onnx", model.SerializeAsString()), {{"x", x}}});
        for (const int target : {13, 21}) {
            if (target < test.opset)
                continue;
            const Status upgraded = upgradeOpset(model, target);
            ASSERT_TRUE(upgraded) << test.name << ": " << upgraded.error().text();
            jobs.push_back(
                {folder.write(test.name + std::to_string(target) + ".onnx", model.SerializeAsString()),
                 {{"x", x}}});
        }
    }
    const auto outputs = runInOnnxRuntime(jobs);
    ASSERT_TRUE(outputs) << outputs.error().text();
    std::size_t job = 0;
    for (const UpgradeCase &test : kCases) {
        const Tensor &before = (*outputs)[job++][0];
        for (const int target : {13, 21}) {
            if (target < test.opset)
                continue;
            const Tensor &after = (*outputs)[job++][0];
            ASSERT_EQ(after.shape(), before.shape()) << test.name << " at " << target;
            for (std::int64_t i = 0; i < before.numel(); ++i)
                ASSERT_NEAR(after.values<float>()[static_cast<std::size_t>(i)],
                            before.values<float>()[static_cast<std::size_t>(i)], 1e-6)
                    << test.name << " at " << target << ", element " << i;
        }
    }
}

} // namespace
} // namespace qs
