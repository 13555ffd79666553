#pragma once

#include "core/figure/drawing.h"

namespace qs {

/// Writes what is drawn as SVG whose texts are texts: they can be searched, edited and read aloud.
/// Coordinates as those of Drawing.
class SvgWriter {
public:
    /// \param zoom  see Drawing::create(); the sizes are those of the sheet
    SvgWriter(double width, double height, double zoom);

    void fill(const Rect &rect, Rgb color, double alpha);
    void fill(std::span<const Point> polygon, Rgb color, double alpha);
    void frame(const Rect &rect, const Stroke &stroke);
    void line(std::span<const Point> path, const Stroke &stroke);
    /// \param png  the bytes of a PNG file, which is stretched over the rectangle
    void image(const Rect &rect, std::string_view png);
    /// \param baseline  of a line that is not turned: how far below the point its baseline is
    void text(Point at, const std::string &text, const TextStyle &style, double baseline);
    void clip(const Rect &rect);
    void unclip();

    /// The whole file.
    std::string finish();

private:
    std::string m_out;
    int m_clips = 0;
};

} // namespace qs
