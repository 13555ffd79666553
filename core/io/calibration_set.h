#pragma once

#include "core/base/finding.h"
#include "core/base/run_context.h"
#include "core/graph/model_graph.h"

#include <filesystem>
#include <map>

namespace qs {

/// Named input tensors with axis 0 = sample, read in blocks so that the file may be larger than memory.
/// Labels, when present, are class indices.
/// \source file_formats 5 (inputs/<name>, labels; the same below /calibration)
class CalibrationSet {
public:
    /// Opens an HDF5 file by content and reads its catalogue, not the data.
    /// \error CorruptFile  not HDF5, external or soft links, unknown filters
    /// \error NotFound     no inputs group; says which groups there are
    static Result<std::shared_ptr<const CalibrationSet>> open(const std::filesystem::path &file,
                                                              const RunContext &ctx);
    virtual ~CalibrationSet() = default;

    struct Input {
        std::string name;
        DType dtype = DType::Undefined;
        Shape sampleShape; ///< without the sample axis
    };
    virtual const std::filesystem::path &file() const = 0;
    virtual const std::string &sha256() const = 0;
    virtual const std::vector<Input> &inputs() const = 0;
    virtual std::int64_t samples() const = 0;
    virtual bool hasLabels() const = 0;

    /// Samples [begin, end) of every input, by name. \thread safe (serialised)
    virtual Result<std::map<std::string, Tensor>> read(std::int64_t begin, std::int64_t end) const = 0;
    /// Labels [begin, end), int64. \thread safe
    virtual Result<std::vector<std::int64_t>> labels(std::int64_t begin, std::int64_t end) const = 0;
};

/// Checks that a set can feed a model: every graph input has a dataset of that name, fitting shape and a type
/// that converts (uint8 images to float; integers to int64). Extra datasets are fine. The first axis of an
/// input is its batch; where it is not (tokens first, states of a recurrent net, a number) a sample is the
/// whole input, and the dataset has one axis more.
/// \error InvalidArgument  tells input name, expected and found shape, expected and found type
Status checkFits(const CalibrationSet &set, const ModelGraph &graph);

/// How the samples of a set go through a model.
struct SampleBatches {
    std::int64_t samples = 0; ///< that are run: only whole batches where the model fixes their size
    std::int64_t size = 1;    ///< of a batch; the last one may be smaller where the model leaves it open
};

/// Batches of the size that the model fixes (torch exports the one that it was traced with), else of
/// `wanted`; of one where a sample is a whole input of the model. \param maxSamples  0 = all; at least one
/// batch is run
SampleBatches planBatches(const CalibrationSet &set, const ModelGraph &graph, std::int64_t maxSamples,
                          std::int64_t wanted);

/// What the user should know about a set that fits: samples that fill no batch of the size that the model
/// fixes are left out. \pre checkFits()
void tellUnused(const CalibrationSet &set, const ModelGraph &graph, FindingList &findings);

/// Shapes of the model's inputs under a batch of so many samples, in graph order. \pre checkFits()
std::vector<Shape> inputShapes(const CalibrationSet &set, const ModelGraph &graph, std::int64_t batch);

/// Samples [begin, end) as the inputs of the model: in graph order, cast to the declared element types. One
/// that fixes its batch runs only with whole ones: planBatches().
/// \error InvalidArgument  several samples at once where one is a whole input
Result<std::vector<Tensor>> readModelInputs(const CalibrationSet &set, const ModelGraph &graph,
                                            std::int64_t begin, std::int64_t end);

} // namespace qs
