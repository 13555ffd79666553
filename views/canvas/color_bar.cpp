#include "views/canvas/color_bar.h"

#include "views/shared/color_maps.h"

#include <imgui.h>

namespace qs::views {

namespace {

constexpr double kTickLength = 4, kGap = 6;
constexpr int kSmoothSteps = 128;

ImVec2 point(double x, double y) {
    return {static_cast<float>(x), static_cast<float>(y)};
}

} // namespace

void drawColorBar(ImDrawList &draw, const QRectF &bar, const ColorMap &map, const HeatMapScale &scale,
                  const ColorBarStyle &style) {
    const int steps = scale.steps() > 0 ? scale.steps() : kSmoothSteps;
    for (int i = 0; i < steps; ++i) {
        const QColor color = toQColor(map.at((i + 0.5) / steps));
        draw.AddRectFilled(point(bar.left(), bar.bottom() - (i + 1) * bar.height() / steps),
                           point(bar.right(), bar.bottom() - i * bar.height() / steps),
                           IM_COL32(color.red(), color.green(), color.blue(), 255));
    }
    draw.AddRect(point(bar.left() - 1, bar.top() - 1), point(bar.right() + 1, bar.bottom() + 1),
                 style.weakColor);
    const double line = static_cast<double>(ImGui::GetTextLineHeight());
    for (const Tick &tick : scale.ticks(kColorBarTicks)) {
        const double y = bar.bottom() - scale.position(tick.value) * bar.height();
        const double length = tick.label.empty() ? kTickLength / 2 : kTickLength;
        draw.AddLine(point(bar.right() + 1, y), point(bar.right() + 1 + length, y), style.weakColor);
        draw.AddText(point(std::round(bar.right() + kTickLength + kGap), std::round(y - line / 2)),
                     style.textColor, tick.label.c_str());
    }
}

} // namespace qs::views
