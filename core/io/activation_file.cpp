#include "core/io/activation_file.h"

#include "core/base/content_hash.h"
#include "core/io/hdf5_file.h"
#include "core/io/safe_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs {
namespace {

constexpr const char *kGroup = "activations";

class Hdf5ActivationFile final : public ActivationFile {
public:
    Hdf5ActivationFile(std::shared_ptr<const Hdf5File> file, std::string sha256)
        : m_file(std::move(file)), m_sha256(std::move(sha256)) {}

    Status readCatalogue() {
        QS_TRY(const auto children, m_file->children(kGroup));
        for (const auto &child : children)
            if (!child.isGroup) {
                QS_CHECK_OK(addTap(std::string(kGroup) + "/" + child.name, child.name));
            }
        if (m_taps.empty())
            return fail(ErrorCode::NotFound, "holds no data sets; write one per module", kGroup);
        m_samples = std::max<std::int64_t>(0, m_file->integerAttribute("/", "samples").value_or(0));
        const std::string model = text("/", "model_name"), torch = text("/", "torch_version");
        std::vector<std::string> made;
        for (const std::string &part : {model, torch.empty() ? "" : "torch " + torch})
            if (!part.empty())
                made.push_back(part);
        m_origin = "from " + file().filename().string();
        if (!made.empty())
            m_origin += fmt::format(" ({})", fmt::join(made, ", "));
        return {};
    }

    const std::filesystem::path &file() const override { return m_file->path(); }
    const std::string &sha256() const override { return m_sha256; }
    const std::vector<ActivationTap> &taps() const override { return m_taps; }
    std::int64_t samples() const override { return m_samples; }
    const std::string &origin() const override { return m_origin; }
    Result<Tensor> read(const ActivationTap &tap, std::int64_t begin, std::int64_t end) const override {
        return m_file->readRows(tap.path, begin, end);
    }

private:
    std::string text(const std::string &object, const char *attribute) const {
        const auto found = m_file->textAttribute(object, attribute);
        return found ? safeName(*found) : std::string();
    }

    Status addTap(const std::string &path, const std::string &name) {
        QS_TRY(const auto dataset, m_file->dataset(path));
        ActivationTap tap;
        tap.path = path;
        tap.dtype = dataset.dtype;
        tap.shape = dataset.shape;
        const int rank = tap.shape.rank();
        if (!isFloatingPoint(tap.dtype) || rank < 2 || tap.shape.numel() == 0)
            return fail(ErrorCode::CorruptFile,
                        fmt::format("activations are floating-point with rows and channels; this is {} {}",
                                    dtypeName(tap.dtype), tap.shape.text()),
                        path);
        const std::int64_t axis = m_file->integerAttribute(path, "channel_axis").value_or(rank - 1);
        const std::int64_t channelAxis = axis < 0 ? axis + rank : axis;
        if (channelAxis != rank - 1 && channelAxis != 1)
            return fail(ErrorCode::Unsupported,
                        fmt::format("channel_axis is {}; it must be 1 or the last axis of {}", axis,
                                    tap.shape.text()),
                        path);
        tap.channelsFirst = channelAxis == 1 && rank > 2;
        tap.module = text(path, "node_name");
        if (tap.module.empty())
            tap.module = text(path, "tensor_name");
        if (tap.module.empty())
            tap.module = safeName(name);
        tap.opType = text(path, "op_type");
        tap.isOutput = text(path, "role") == "output";
        tap.seen = std::max(tap.shape[0], m_file->integerAttribute(path, "seen").value_or(0));
        m_taps.push_back(std::move(tap));
        return {};
    }

    std::shared_ptr<const Hdf5File> m_file;
    std::string m_sha256, m_origin;
    std::vector<ActivationTap> m_taps;
    std::int64_t m_samples = 0;
};

} // namespace

Result<std::shared_ptr<const ActivationFile>> ActivationFile::open(const std::filesystem::path &file,
                                                                   const RunContext &ctx) {
    const auto inContext = [&](Error error) {
        return fail(std::move(error).withContext(file.filename().string()));
    };
    auto opened = Hdf5File::open(file, ctx);
    if (!opened)
        return fail(std::move(opened).error()); // names the file itself
    if (!(*opened)->hasGroup(kGroup))
        return inContext({ErrorCode::NotFound,
                          "has no group 'activations'. Write one with quantoscope_capture.py, which comes "
                          "with this program",
                          {}});
    auto sha256 = sourceHash(file, ctx);
    if (!sha256)
        return inContext(std::move(sha256).error());
    const auto activations = std::make_shared<Hdf5ActivationFile>(*opened, std::move(*sha256));
    if (Status read = activations->readCatalogue(); !read)
        return inContext(std::move(read).error());
    return activations;
}

Result<std::shared_ptr<const ActivationFile>> openIfCaptured(const std::filesystem::path &file,
                                                             const RunContext &ctx) {
    auto opened = ActivationFile::open(file, ctx);
    if (!opened && opened.error().code == ErrorCode::NotFound)
        return std::shared_ptr<const ActivationFile>();
    return opened;
}

} // namespace qs
