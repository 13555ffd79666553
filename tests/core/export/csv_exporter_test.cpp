#include "core/export/exporter.h"

#include "tests/support/onnx_text_model.h"
#include "tests/support/sample_run.h"
#include "tests/support/temp_dir.h"

#include <fstream>
#include <sstream>

namespace qs {
namespace {

std::vector<std::string> cellsOf(const std::string &line, char separator) {
    std::vector<std::string> cells;
    std::istringstream stream(line + separator);
    for (std::string cell; std::getline(stream, cell, separator);)
        cells.push_back(cell);
    return cells;
}

TEST(CsvExporter, OneRowPerLayerWithAsManyCellsAsTheHeader) {
    const TempDir folder;
    writeOnnxText(folder.path() / "m.onnx", R"(<ir_version: 8, opset_import: ["" : 17]>
        g (float[N,4] x) => (float[N,3] y) { h = MatMul(x, v) y = MatMul(h, w) })",
                  {{"v", sampleValues(Shape{4, 5}, 1)}, {"w", sampleValues(Shape{5, 3}, 2)}});
    qs::Run run = makeSampleRun(openSample(folder.path() / "m.onnx"), {});
    run.layers[1] = nullptr; // not reached yet
    FindingList findings;
    const auto report =
        findExporter("csv")->write(run, folder.path() / "t.csv", {{"separator", "semicolon"}}, findings, {});
    ASSERT_TRUE(report) << report.error().text();
    std::ifstream stream(folder.path() / "t.csv");
    std::vector<std::vector<std::string>> rows;
    for (std::string line; std::getline(stream, line);)
        rows.push_back(cellsOf(line, ';'));
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows[1].size(), rows[0].size());
    EXPECT_EQ(rows[2].size(), rows[0].size());
    const auto cell = [&](std::size_t row, const std::string &column) {
        const auto found = std::find(rows[0].begin(), rows[0].end(), column);
        return rows[row][static_cast<std::size_t>(found - rows[0].begin())];
    };
    EXPECT_EQ(cell(1, "layer"), run.model->layers[0].name);
    EXPECT_EQ(cell(1, "rows"), "5");
    EXPECT_EQ(cell(1, "state"), "quantized");
    EXPECT_EQ(cell(1, "bits"), "8");
    EXPECT_EQ(cell(1, "activation_bits"), "");
    EXPECT_EQ(cell(2, "columns"), "5");
    EXPECT_EQ(cell(2, "state"), "");
}

} // namespace
} // namespace qs
