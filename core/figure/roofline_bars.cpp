#include "core/figure/roofline_bars.h"

#include "core/base/number_text.h"
#include "core/figure/figure_parts.h"
#include "core/figure/series_colors.h"

#include <cmath>
#include <fmt/format.h>
#include <map>

namespace qs {
namespace {

constexpr double kTextSize = 11.5;
constexpr int kFirstMemoryColor = 0;

struct BarGroup {
    std::string title, unit;
    std::vector<BarPart> (*parts)(const Roofline &);
    bool withKeys = false; ///< kinds of operators have theirs above the chart
    double limit = 0;      ///< drawn as a line; 0 = none
    std::string limitText = {};
};

double sum(const std::vector<BarPart> &parts) {
    double total = 0;
    for (const BarPart &part : parts)
        total += part.value;
    return total;
}

/// Parts side by side from `left`; a name where there is room for it, since colours alone tell nothing.
void drawBar(Drawing &drawing, const Rect &bar, const std::vector<BarPart> &parts, double perUnit,
             const FigureTheme &theme) {
    const bool dark = toLab(theme.background).lightness < 50;
    double x = bar.left;
    for (const BarPart &part : parts) {
        const double width = part.value * perUnit;
        const Rgb color = seriesColor(part.color, dark);
        drawing.fill(Rect{x, bar.top, width, bar.height}, color);
        const Rgb ink = toLab(color).lightness > 60 ? Rgb{20, 20, 24} : Rgb{250, 250, 250};
        const TextStyle style{10.5, ink, false, Align::Middle, Align::Middle};
        if (drawing.textWidth(part.name, style) + 8 < width)
            drawing.text({x + width / 2, bar.centerY()}, part.name, style);
        x += width;
    }
}

/// Names of all parts with their colours, right of the title: narrow parts have no room for theirs.
void drawKeys(Drawing &drawing, const Rect &area, const RooflineStudy &study, const BarGroup &group,
              const FigureTheme &theme) {
    std::map<int, std::string> names;
    for (const PrecisionStudy &precision : study.precisions)
        for (const BarPart &part : group.parts(precision.line))
            names[part.color] = part.name;
    std::vector<LegendEntry> entries;
    for (const auto &[color, name] : names)
        entries.push_back(
            {name, seriesColor(color, toLab(theme.background).lightness < 50), LegendEntry::Mark::Area});
    drawLegend(drawing, {area.left, area.top + 20, area.width, 0}, entries, theme);
}

void drawGroup(Drawing &drawing, const Rect &area, const RooflineStudy &study, const BarGroup &group,
               const FigureTheme &theme) {
    const TextStyle title{12.5, theme.text, true, Align::Start, Align::Start};
    const TextStyle label{kTextSize, theme.text, false, Align::Start, Align::Middle};
    const TextStyle faint{kTextSize, theme.faintText, false, Align::End, Align::Middle};
    drawing.text({area.left, area.top}, group.title, title);
    if (group.withKeys)
        drawKeys(drawing, area, study, group, theme);
    double most = group.limit;
    for (const PrecisionStudy &precision : study.precisions)
        most = std::max(most, sum(group.parts(precision.line)));
    // A limit far away would squeeze the bars: it is told in words then.
    double largest = 0;
    for (const PrecisionStudy &precision : study.precisions)
        largest = std::max(largest, sum(group.parts(precision.line)));
    const bool limitShown = group.limit > 0 && group.limit <= 4 * largest;
    const double perUnit = area.width / std::max(limitShown ? most : largest, 1e-300);
    const double top = area.top + 26;
    const double row =
        std::min(64.0, (area.height - 50) / std::max(1.0, static_cast<double>(study.precisions.size())));
    for (std::size_t p = 0; p < study.precisions.size(); ++p) {
        const PrecisionStudy &precision = study.precisions[p];
        const double y = top + static_cast<double>(p) * row;
        drawing.text({area.left, y + 8},
                     drawing.fitText(printable(precision.line.name), area.width * 0.4, label), label);
        const std::vector<BarPart> parts = group.parts(precision.line);
        const std::string fits = group.limit > 0 ? fitText(precision) : "";
        drawing.text({area.right(), y + 8},
                     precision.failure
                         ? "not possible on this device"
                         : metricText(sum(parts), group.unit) + (fits.empty() ? "" : " · " + fits),
                     faint);
        drawBar(drawing, {area.left, y + 18, area.width, std::clamp(row - 26, 4.0, 26.0)}, parts, perUnit,
                theme);
    }
    if (group.limit <= 0)
        return;
    const double x = area.left + group.limit * perUnit;
    if (limitShown)
        for (std::size_t p = 0; p < study.precisions.size(); ++p) // over the bars, not over the texts
            drawing.line({x, top + static_cast<double>(p) * row + 16},
                         {x, top + static_cast<double>(p) * row + row - 4}, {theme.accent, 2, 1, true});
    const double below = top + row * static_cast<double>(study.precisions.size()) + 8;
    drawing.text({area.left, below}, group.limitText,
                 {kTextSize, theme.faintText, false, Align::Start, Align::Middle});
}

} // namespace

std::vector<BarPart> timeParts(const Roofline &line) {
    std::vector<BarPart> parts;
    for (int kind = 0; kind < kOperatorKinds; ++kind)
        if (const double seconds = line.secondsByKind[static_cast<std::size_t>(kind)]; seconds > 0)
            parts.push_back({operatorKindName(static_cast<OperatorKind>(kind)), seconds, kind});
    return parts;
}

std::vector<BarPart> memoryParts(const Roofline &line) {
    std::vector<BarPart> parts{{"weights", line.memory.weights, kFirstMemoryColor},
                               {"KV cache", line.memory.cache, kFirstMemoryColor + 1},
                               {"activations", line.memory.activations, kFirstMemoryColor + 2}};
    std::erase_if(parts, [](const BarPart &part) { return part.value <= 0; });
    return parts;
}

void drawRooflineBars(Drawing &drawing, const Rect &area, const RooflineStudy &study,
                      const FigureTheme &theme) {
    const double half = (area.height - 24) / 2;
    drawGroup(drawing, {area.left, area.top, area.width, half}, study,
              {"Time of one pass, by kind of operator", "s", timeParts}, theme);
    BarGroup memory{"Memory", "B", memoryParts, true, 0, "The hardware file gives no memory size."};
    if (const auto capacity = study.hardware.memoryBytes) {
        memory.limit = *capacity * study.request.use.memoryShare;
        memory.limitText = fmt::format("usable: {} = {:.0f} % of {}{}", metricText(memory.limit, "B"),
                                       100 * study.request.use.memoryShare, metricText(*capacity, "B"),
                                       study.hardware.isVerified("memory_gb") ? "" : " (unverified)");
    }
    drawGroup(drawing, {area.left, area.top + half + 24, area.width, half}, study, memory, theme);
}

} // namespace qs
