#include "core/figure/figure.h"

#include "core/base/atomic_file.h"

#include <algorithm>
#include <sstream>

namespace qs {
namespace {

constexpr double kSmallestMargin = 8, kLargestMargin = 24;
constexpr double kTitleSize = 17, kSubtitleSize = 12.5, kCaptionSize = 10;

bool isTable(const std::filesystem::path &file) {
    const std::string suffix = file.extension().string();
    return suffix == ".csv" || suffix == ".CSV";
}

/// Draws lines below each other; returns where the next one would start.
double drawLines(Drawing &drawing, Point at, const std::vector<std::string> &lines, double width, double lead,
                 const TextStyle &style) {
    for (const std::string &line : lines) {
        drawing.text(at, drawing.fitText(line, width, style), style);
        at.y += style.size + lead;
    }
    return at.y;
}

/// Title, subtitle and caption; returns what is left between them.
Rect drawFrame(Drawing &drawing, const Figure &figure, const FigureOptions &options) {
    const FigureTheme &theme = options.theme;
    const Rect sheet = drawing.bounds();
    const double margin = std::clamp(0.03 * sheet.width, kSmallestMargin, kLargestMargin);
    const double width = sheet.width - 2 * margin;
    if (!options.transparent)
        drawing.fill(sheet, theme.background);

    double top = margin;
    if (options.heading) {
        const TextStyle title{kTitleSize, theme.text, true, Align::Start, Align::Start};
        const TextStyle subtitle{kSubtitleSize, theme.faintText, false, Align::Start, Align::Start};
        top = drawLines(drawing, {margin, top}, drawing.wrapText(figure.title(), width, title), width, 6,
                        title);
        top = drawLines(drawing, {margin, top}, drawing.wrapText(figure.subtitle(), width, subtitle), width,
                        5, subtitle) +
              8;
    }
    const TextStyle small{kCaptionSize, theme.faintText, false, Align::Start, Align::Start};
    const std::vector<std::string> caption = drawing.wrapText(options.caption, width, small);
    const double captionTop = sheet.bottom() - 14 - static_cast<double>(caption.size()) * (kCaptionSize + 4);
    drawLines(drawing, {margin, captionTop}, caption, width, 4, small);
    return {margin, top, width, captionTop - (caption.empty() ? 0 : 12) - top};
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

double figureZoom(double points) {
    constexpr double kLabelSize = 11.5; // pixels, of axes and legends
    return points / (kLabelSize * 72 / kPixelsPerInch);
}

Result<std::string> Figure::csv(const RunContext & /*ctx*/) const {
    return fail(ErrorCode::Unsupported, "this figure has no table of its data; write .png, .svg or .pdf",
                title());
}

Result<std::string> renderFigure(const Figure &figure, PictureFormat format, const FigureOptions &options) {
    const FigureSize preferred = figure.preferredSize();
    const double width = options.width > 0 ? options.width : preferred.width * options.zoom;
    const double height = options.height > 0 ? options.height : preferred.height * options.zoom;
    QS_TRY(Drawing drawing,
           Drawing::create(format, width, height, options.scale, options.zoom, options.transparent));
    const Rect area = drawFrame(drawing, figure, options);
    if (!area.empty())
        figure.drawContent(drawing, area, options.theme);
    return drawing.finish();
}

Result<std::string> figureTable(const Figure &figure, const std::string &caption, const RunContext &ctx) {
    QS_TRY(const std::string table, figure.csv(ctx));
    std::string text;
    std::istringstream lines(caption);
    for (std::string line; std::getline(lines, line);)
        text += "# " + line + '\n';
    return text + table;
}

Status checkFigureFile(const std::string &fileName) {
    if (isTable(fileName))
        return {};
    QS_TRY([[maybe_unused]] const PictureFormat format, pictureFormat(fileName));
    return {};
}

Status writeFigure(const Figure &figure, const FigureOptions &options, const std::filesystem::path &file) {
    if (isTable(file)) {
        QS_TRY(const std::string table, figureTable(figure, options.caption, {}));
        return writeFileAtomically(file, table);
    }
    QS_TRY(const PictureFormat format, pictureFormat(file.string()));
    QS_TRY(const std::string bytes, renderFigure(figure, format, options));
    return writeFileAtomically(file, bytes);
}

} // namespace qs
