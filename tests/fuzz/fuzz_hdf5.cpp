#include "core/io/activation_file.h"
#include "core/io/calibration_set.h"
#include "core/io/hdf5_file.h"
#include "core/io/importers/hdf5_weights_importer.h"
#include "core/session/project_arrays.h"
#include "core/session/project_capture.h"
#include "tests/fuzz/hdf5_forge.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/use_model.h"

#include <cstdlib>

// HDF5 by what the program reads from it: calibration sets, captured activations, weights of Keras and
// others, arrays of projects. The HDF5 library's own parser is not the target (Hdf5File tries files in a
// child process because of it), so the input describes a file that the library writes. The first byte chooses
// the reader.

namespace {

using namespace qs;

constexpr std::int64_t kMostRows = 8;

void readSet(const std::filesystem::path &file) {
    const auto set = CalibrationSet::open(file, {});
    if (!set)
        return;
    const std::int64_t samples = (*set)->samples();
    if (samples < 1 || (*set)->inputs().empty())
        std::abort();
    (void)(*set)->read(0, std::min(samples, kMostRows));
    (void)(*set)->read(samples - 1, samples);
    (void)(*set)->labels(0, std::min(samples, kMostRows));
}

void readActivations(const std::filesystem::path &file) {
    const auto activations = ActivationFile::open(file, {});
    if (!activations)
        return;
    for (const ActivationTap &tap : (*activations)->taps()) {
        if (tap.shape.rank() < 2 || tap.shape.numel() < 1 || tap.seen < tap.shape[0])
            std::abort();
        (void)(*activations)->read(tap, 0, std::min(tap.shape[0], kMostRows));
    }
}

void readWeights(const std::filesystem::path &file) {
    FindingList findings;
    if (const auto model = Hdf5WeightsImporter().load(file, findings, {}))
        fuzz::useModel(*model);
}

void readArrays(const std::filesystem::path &file) {
    const auto opened = Hdf5File::open(file);
    if (!opened)
        return;
    QuantizedMatrix matrix;
    matrix.rows = matrix.layout.rows = 4;
    matrix.cols = matrix.layout.cols = 6;
    matrix.bits = 4;
    if (readMatrix(**opened, "", matrix) && matrix.validate())
        (void)matrix.dequantize();
    LayerCapture capture;
    capture.channels = 4;
    capture.histogram = Histogram(-1, 1, 1);
    (void)readLayerCapture(**opened, "/capture", capture);
    Model model;
    (void)readCapture(**opened, "/capture", model, {});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto file = fuzz::memoryFolder() / "set.h5";
    if (size < 2 || !fuzz::forgeHdf5(file, {data + 1, size - 1}))
        return 0;
    constexpr void (*kReaders[])(const std::filesystem::path &) = {readSet, readActivations, readWeights,
                                                                   readArrays};
    kReaders[data[0] % std::size(kReaders)](file);
    return 0;
}
