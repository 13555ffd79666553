#include "core/base/content_hash.h"
#include "core/io/calibration_origin.h"
#include "core/io/hdf5_file.h"
#include "core/io/safe_text.h"
#include "core/tensor/convert.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr int kMaxNesting = 8; ///< of groups below "inputs", which slashes in names make
constexpr int kMaxObjects = 4096;

struct Source {
    CalibrationSet::Input input;
    std::string path; ///< of the data set
    std::int64_t samples = 0;
};

/// Two data sets of one file contradict each other.
tl::unexpected<Error> contradiction(std::string message, std::string where) {
    return fail(ErrorCode::CorruptFile, std::move(message), std::move(where));
}

class Hdf5CalibrationSet final : public CalibrationSet, public HasOrigin {
public:
    Hdf5CalibrationSet(std::shared_ptr<const Hdf5File> file, std::string sha256)
        : m_file(std::move(file)), m_sha256(std::move(sha256)) {}

    /// \param root  "" or "calibration/"
    Status readCatalogue(const std::string &root) {
        if (const auto origin = m_file->textAttribute("/", kOriginAttribute))
            m_origin = safeName(*origin);
        QS_CHECK_OK(collect(root + "inputs", "", 0));
        if (m_sources.empty())
            return fail(ErrorCode::NotFound, "holds no data sets; write one per model input",
                        root + "inputs");
        for (const Source &source : m_sources) {
            if (source.samples != samples())
                return contradiction(
                    fmt::format("'{}' has {} samples, but '{}' has {}; axis 0 must count the same "
                                "samples in all",
                                source.path, source.samples, m_sources[0].path, samples()),
                    root + "inputs");
            m_inputs.push_back(source.input);
        }
        return m_file->hasDataset(root + "labels") ? useLabels(root + "labels") : Status();
    }

    const std::filesystem::path &file() const override { return m_file->path(); }
    const std::string &sha256() const override { return m_sha256; }
    const std::vector<Input> &inputs() const override { return m_inputs; }
    std::int64_t samples() const override { return m_sources[0].samples; }
    bool hasLabels() const override { return !m_labels.empty(); }
    const std::string &origin() const override { return m_origin; }

    Result<std::map<std::string, Tensor>> read(std::int64_t begin, std::int64_t end) const override {
        std::map<std::string, Tensor> tensors;
        for (const Source &source : m_sources) {
            QS_TRY(tensors[source.input.name], m_file->readRows(source.path, begin, end));
        }
        return tensors;
    }

    Result<std::vector<std::int64_t>> labels(std::int64_t begin, std::int64_t end) const override {
        if (!hasLabels())
            return fail(ErrorCode::NotFound, "has no labels; add a data set 'labels' of class indices",
                        file().filename().string());
        QS_TRY(const Tensor tensor, m_file->readRows(m_labels, begin, end));
        return toInt64Vector(tensor);
    }

private:
    /// Data sets below a group; a name with slashes has become nested groups, unless onnx_name tells the
    /// name.
    Status collect(const std::string &group, const std::string &prefix, int depth) {
        QS_TRY(const auto children, m_file->children(group));
        for (const auto &child : children) {
            const std::string path = group + "/" + child.name;
            if (depth == kMaxNesting || ++m_visited > kMaxObjects) // hard links can make endless trees
                return contradiction("there are too many groups, or groups inside each other", path);
            QS_CHECK_OK(child.isGroup ? collect(path, prefix + child.name + "/", depth + 1)
                                      : addSource(path, prefix + child.name));
        }
        return {};
    }

    Status addSource(const std::string &path, const std::string &defaultName) {
        QS_TRY(const auto dataset, m_file->dataset(path));
        Source source;
        source.path = path;
        const auto onnxName = m_file->textAttribute(path, "onnx_name");
        source.input.name = safeName(onnxName ? *onnxName : defaultName);
        source.input.dtype = dataset.dtype;
        if (dataset.shape.rank() == 0)
            return contradiction("is a single value; axis 0 must count samples", path);
        source.samples = dataset.shape[0];
        if (source.samples == 0)
            return contradiction("has no samples", path);
        source.input.sampleShape = Shape(std::vector(dataset.shape.begin() + 1, dataset.shape.end()));
        for (const Source &other : m_sources)
            if (other.input.name == source.input.name)
                return contradiction(
                    fmt::format("gives data for '{}', and so does '{}'", source.input.name, other.path),
                    path);
        m_sources.push_back(std::move(source));
        return {};
    }

    Status useLabels(const std::string &path) {
        QS_TRY(const auto dataset, m_file->dataset(path));
        const bool integer = !isFloatingPoint(dataset.dtype);
        const bool onePerSample =
            dataset.shape.rank() >= 1 && dataset.shape[0] == samples() && dataset.shape.numel() == samples();
        if (!integer || !onePerSample)
            return contradiction(fmt::format("labels must be one integer per sample, [{}]; these are {} {}",
                                             samples(), dtypeName(dataset.dtype), dataset.shape.text()),
                                 path);
        m_labels = path;
        return {};
    }

    std::shared_ptr<const Hdf5File> m_file;
    std::string m_sha256;
    std::vector<Source> m_sources;
    int m_visited = 0; ///< objects below "inputs"
    std::vector<Input> m_inputs;
    std::string m_labels; ///< path of the data set, empty when there is none
    std::string m_origin;
};

std::string groupNames(const Hdf5File &file) {
    const auto children = file.children();
    if (!children)
        return "nothing readable";
    std::string names;
    for (const auto &child : *children)
        names += fmt::format("{}'{}'", names.empty() ? "" : ", ", safeName(child.name));
    return names.empty() ? "nothing" : names;
}

} // namespace

std::string originOf(const CalibrationSet &set) {
    const auto *known = dynamic_cast<const HasOrigin *>(&set);
    return known ? known->origin() : std::string();
}

std::string sourceName(const CalibrationSet &set) {
    const std::string file = set.file().filename().string();
    const std::string origin = originOf(set);
    return origin.empty() ? file : fmt::format("{} ({})", file, origin);
}

Result<std::shared_ptr<const CalibrationSet>> CalibrationSet::open(const std::filesystem::path &file,
                                                                   const RunContext &ctx) {
    const auto inContext = [&](Error error) {
        return fail(std::move(error).withContext(file.filename().string()));
    };
    auto opened = Hdf5File::open(file, ctx);
    if (!opened)
        return fail(std::move(opened).error()); // names the file itself
    auto sha256 = sourceHash(file, ctx);
    if (!sha256)
        return inContext(std::move(sha256).error());
    const bool nested = !(*opened)->hasGroup("inputs") && (*opened)->hasGroup("calibration/inputs");
    if (!nested && !(*opened)->hasGroup("inputs"))
        return inContext(
            {ErrorCode::NotFound,
             fmt::format("has no group 'inputs' or 'calibration/inputs'; it has {}. Write the samples of "
                         "each model input as the data set inputs/<name>, axis 0 = sample",
                         groupNames(**opened)),
             {}});
    const auto set = std::make_shared<Hdf5CalibrationSet>(*opened, std::move(*sha256));
    if (Status read = set->readCatalogue(nested ? "calibration/" : ""); !read)
        return inContext(std::move(read).error());
    return set;
}

} // namespace qs
