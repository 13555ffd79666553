#include "views/canvas/heat_map_scene.h"

#include "views/shared/format_text.h"

namespace qs::views {

namespace {

QString indexRange(const QString &title, std::int64_t first, std::int64_t last) {
    return first == last ? QStringLiteral("%1 %2").arg(title).arg(first)
                         : QStringLiteral("%1s %2–%3").arg(title).arg(first).arg(last);
}

QString joinedText(const HeatMapScene &scene, const HeatMapCell &cell, HeatMapPosition extreme,
                   std::int64_t rows, std::int64_t cols) {
    const PyramidCell &values = cell.values;
    const float value = scene.data->value(extreme.row, extreme.col);
    return QObject::tr("%1 %2 joined values (zoom in for single ones)\nmin %3   max %4   mean %5\n"
                       "extreme %6 at %7, %8 %9")
        .arg(formatCount(rows * cols), scene.valueTitle, formatNumber(values.min), formatNumber(values.max),
             formatNumber(values.mean), formatExact(value), scene.rowLabel(extreme.row), scene.columnTitle)
        .arg(extreme.col);
}

} // namespace

Result<HeatMapOutliers> findOutliers(const HeatMapData &data, std::vector<double> limits,
                                     const RunContext &ctx) {
    HeatMapOutliers found{std::move(limits), 0, {}, {}, {}};
    if (found.limits.empty())
        return found;
    std::vector<bool> inColumn(static_cast<std::size_t>(data.cols()), false);
    found.cellsOfRow.assign(static_cast<std::size_t>(data.rows()), 0);
    for (std::int64_t row = 0; row < data.rows(); ++row) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        std::int64_t &count = found.cellsOfRow[static_cast<std::size_t>(row)];
        const double limit = found.limit(row);
        for (std::int64_t col = 0; col < data.rowLength(row); ++col)
            if (std::abs(data.value(row, col)) >= limit) {
                inColumn[static_cast<std::size_t>(col)] = true;
                ++count;
            }
        found.cells += count;
        if (count > 0)
            found.rows.push_back(row);
    }
    for (std::size_t col = 0; col < inColumn.size(); ++col)
        if (inColumn[col])
            found.columns.push_back(static_cast<std::int64_t>(col));
    return found;
}

QString HeatMapScene::rowLabel(std::int64_t row) const {
    return rowNames.empty() ? QStringLiteral("%1 %2").arg(rowTitle).arg(row)
                            : rowNames[static_cast<std::size_t>(row)];
}

HeatMapProbe probeScene(const HeatMapScene &scene, int rowLevel, int colLevel, std::int64_t row,
                        std::int64_t col) {
    const HeatMapData &data = *scene.data;
    const HeatMapCell cell = data.cell(rowLevel, colLevel, row, col);
    if (!cell.present) {
        const std::int64_t dataRow = std::min(row << rowLevel, data.rows() - 1);
        return {{},
                QObject::tr("%1\nno %2 %3: it has %4")
                    .arg(scene.rowLabel(dataRow), scene.columnTitle)
                    .arg(col << colLevel)
                    .arg(formatCount(data.rowLength(dataRow)))};
    }
    const HeatMapPosition position = data.extremePosition(rowLevel, colLevel, row, col);
    const std::int64_t lastRow = std::min((row + 1) << rowLevel, data.rows()) - 1;
    const std::int64_t lastCol = std::min((col + 1) << colLevel, data.cols()) - 1;
    const std::int64_t firstRow = row << rowLevel, firstCol = col << colLevel;
    const QString place =
        (firstRow == lastRow ? scene.rowLabel(firstRow)
                             : scene.rowLabel(firstRow) + QStringLiteral(" – ") + scene.rowLabel(lastRow)) +
        '\n' + indexRange(scene.columnTitle, firstCol, lastCol);
    if (firstRow != lastRow || firstCol != lastCol)
        return {position,
                place + '\n' +
                    joinedText(scene, cell, position, lastRow - firstRow + 1, lastCol - firstCol + 1)};
    QString text = place + QStringLiteral("\n%1 = %2").arg(scene.valueTitle, formatExact(cell.values.max));
    if (!scene.outliers.limits.empty() && std::abs(cell.values.max) >= scene.outliers.limit(firstRow))
        text += QObject::tr("\noutlier: limit %1").arg(formatNumber(scene.outliers.limit(firstRow)));
    return {position, text};
}

} // namespace qs::views
