#include "core/export/exporter.h"
#include "core/export/exporters/csv_exporter.h"
#include "core/export/exporters/gguf_exporter.h"
#include "core/export/exporters/json_report_exporter.h"
#include "core/export/exporters/onnx_qdq_exporter.h"

#include <algorithm>

namespace qs {

const std::vector<std::shared_ptr<const Exporter>> &builtinExporters() {
    static const std::vector<std::shared_ptr<const Exporter>> exporters = {
        std::make_shared<OnnxQdqExporter>(), std::make_shared<GgufExporter>(),
        std::make_shared<JsonReportExporter>(), std::make_shared<CsvExporter>()};
    return exporters;
}

const Exporter *findExporter(std::string_view id) {
    const auto &all = builtinExporters();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto &exporter) { return exporter->id() == id; });
    return found == all.end() ? nullptr : found->get();
}

const Exporter &exporterFor(const std::filesystem::path &file) {
    const auto &all = builtinExporters();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto &exporter) {
        return exporter->fileSuffix() == file.extension();
    });
    return found == all.end() ? *all.front() : **found;
}

} // namespace qs
