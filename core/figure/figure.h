#pragma once

#include "core/base/run_context.h"
#include "core/figure/drawing.h"

#include <filesystem>

namespace qs {

/// The colours of a picture. Series colours are told apart by colour-blind people and in grey print.
struct FigureTheme {
    Rgb background, text, faintText, axis, grid;
    Rgb first, second, accent; ///< float, quantized, grid points and marks
    Rgb nothing;               ///< where a map has no cell

    static FigureTheme light();
    static FigureTheme dark();
};

/// How a figure becomes a file. The format follows the suffix.
struct FigureOptions {
    double width = 0, height = 0; ///< pixels of 1/96 inch; 0 = what suits the figure
    double scale = 1;             ///< dots per pixel of a PNG and of images within SVG and PDF: dpi / 96
    double zoom = 1;              ///< of texts and lines; see figureZoom()
    bool transparent = false;     ///< no background
    bool heading = true;          ///< title and subtitle on top
    FigureTheme theme = FigureTheme::light();
    std::string caption; ///< where the data comes from: small lines at the bottom, separated by '\n'
};

struct FigureSize {
    int width = 0, height = 0;
};

/// A picture of results, drawn without a display. Holds its data; drawing changes nothing.
class Figure {
public:
    virtual ~Figure() = default;
    virtual std::string title() const = 0;
    virtual std::string subtitle() const = 0;
    /// What suits the data, for example one line of text per layer.
    virtual FigureSize preferredSize() const { return {1200, 700}; }
    /// Draws everything between subtitle and caption.
    virtual void drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const = 0;
    /// What is drawn, as a table with a line of titles. \error Unsupported  there is none;  Cancelled
    virtual Result<std::string> csv(const RunContext &ctx) const;
};

/// The zoom at which the labels of a figure have this size.
double figureZoom(double points);

/// Title, content and caption as the bytes of a file.
/// \error InvalidArgument  size out of range;  OutOfMemory
Result<std::string> renderFigure(const Figure &figure, PictureFormat format, const FigureOptions &options);

/// The table of a figure under its caption, whose lines start with "# ". \error as Figure::csv
Result<std::string> figureTable(const Figure &figure, const std::string &caption, const RunContext &ctx);

/// Whether the name ends in .png, .svg, .pdf (picture) or .csv (table). \error InvalidArgument
Status checkFigureFile(const std::string &fileName);

/// Writes picture or table, as the suffix says; an existing file is replaced only when all is well.
/// \error InvalidArgument  unknown suffix, size out of range;  Unsupported  no table;  IoError
Status writeFigure(const Figure &figure, const FigureOptions &options, const std::filesystem::path &file);

} // namespace qs
