#pragma once

#include "core/exec/executor.h"
#include "core/io/calibration_set.h"
#include "core/io/importer.h"

namespace qs {

/// A sample model of sample-data and the calibration set that fits it.
struct SampleModel {
    const char *model, *data;
};

struct OpenedSample {
    std::shared_ptr<const Executor> executor;
    std::shared_ptr<const CalibrationSet> set;
};

inline Result<OpenedSample> openSample(const SampleModel &sample) {
    const std::filesystem::path folder = QS_SAMPLE_DATA;
    FindingList findings;
    OpenedSample opened;
    QS_TRY(const auto model, openModel(folder / (std::string(sample.model) + ".onnx"), findings, {}));
    QS_TRY(opened.set, CalibrationSet::open(folder / (std::string(sample.data) + ".h5"), {}));
    QS_TRY(opened.executor, Executor::create(model));
    return opened;
}

} // namespace qs
