#include "core/figure/figure.h"

#include "core/base/atomic_file.h"

#include <algorithm>

namespace qs {
namespace {

constexpr double kMargin = 24;
constexpr double kTitleSize = 17, kSubtitleSize = 12.5, kCaptionSize = 10;

std::vector<std::string> linesOf(const std::string &text) {
    std::vector<std::string> lines;
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        lines.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return lines;
}

/// Title, subtitle and caption; returns what is left between them.
Rect drawFrame(Drawing &drawing, const Figure &figure, const FigureOptions &options) {
    const FigureTheme &theme = options.theme;
    const Rect sheet = drawing.bounds();
    const double width = sheet.width - 2 * kMargin;
    drawing.fill(sheet, theme.background);

    double top = kMargin;
    const TextStyle title{kTitleSize, theme.text, true, Align::Start, Align::Start};
    drawing.text({kMargin, top}, drawing.fitText(figure.title(), width, title), title);
    top += kTitleSize + 6;
    const TextStyle subtitle{kSubtitleSize, theme.faintText, false, Align::Start, Align::Start};
    for (const std::string &line : linesOf(figure.subtitle())) {
        drawing.text({kMargin, top}, drawing.fitText(line, width, subtitle), subtitle);
        top += kSubtitleSize + 5;
    }

    const std::vector<std::string> caption = linesOf(options.caption);
    const TextStyle small{kCaptionSize, theme.faintText, false, Align::Start, Align::Start};
    double bottom = sheet.bottom() - 14 - static_cast<double>(caption.size()) * (kCaptionSize + 4);
    for (double y = bottom; const std::string &line : caption) {
        drawing.text({kMargin, y}, drawing.fitText(line, width, small), small);
        y += kCaptionSize + 4;
    }
    bottom -= caption.empty() ? 0 : 12;
    return {kMargin, top + 8, width, bottom - top - 8};
}

} // namespace

FigureTheme FigureTheme::light() {
    return {.background = {255, 255, 255},
            .text = {28, 31, 38},
            .faintText = {98, 104, 116},
            .axis = {130, 136, 148},
            .grid = {228, 231, 236},
            .first = {46, 104, 166},
            .second = {214, 104, 28},
            .accent = {96, 102, 116},
            .nothing = {240, 242, 245}};
}

FigureTheme FigureTheme::dark() {
    return {.background = {24, 26, 31},
            .text = {230, 233, 239},
            .faintText = {158, 165, 178},
            .axis = {120, 127, 140},
            .grid = {50, 54, 62},
            .first = {104, 164, 228},
            .second = {244, 152, 72},
            .accent = {170, 176, 188},
            .nothing = {38, 41, 48}};
}

Status writeFigure(const Figure &figure, const FigureOptions &options, const std::filesystem::path &file) {
    QS_TRY(const PictureFormat format, pictureFormat(file.string()));
    const FigureSize preferred = figure.preferredSize();
    QS_TRY(Drawing drawing,
           Drawing::create(format, options.width > 0 ? options.width : preferred.width,
                           options.height > 0 ? options.height : preferred.height, options.scale));
    const Rect area = drawFrame(drawing, figure, options);
    if (!area.empty())
        figure.drawContent(drawing, area, options.theme);
    QS_TRY(const std::string bytes, drawing.finish());
    return writeFileAtomically(file, bytes);
}

} // namespace qs
