#pragma once

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
    int width = 0, height = 0; ///< pixels; 0 = what suits the figure
    double scale = 1;          ///< pixels of a PNG per pixel of the layout
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
};

/// Draws title, content and caption into a file; an existing file is replaced only when all is well.
/// \error InvalidArgument  unknown suffix, size out of range;  IoError
Status writeFigure(const Figure &figure, const FigureOptions &options, const std::filesystem::path &file);

} // namespace qs
