#pragma once

#include "core/base/result.h"
#include "core/figure/color_map.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace qs {

struct Point {
    double x = 0, y = 0;
};

/// In pixels, y downwards.
struct Rect {
    double left = 0, top = 0, width = 0, height = 0;

    double right() const { return left + width; }
    double bottom() const { return top + height; }
    double centerX() const { return left + width / 2; }
    double centerY() const { return top + height / 2; }
    bool empty() const { return width <= 0 || height <= 0; }
};

enum class Align { Start, Middle, End };

struct TextStyle {
    double size = 12; ///< pixels
    Rgb color;
    bool bold = false;
    Align horizontal = Align::Start;
    Align vertical = Align::End; ///< End: the point is on the baseline
    bool upwards = false;        ///< turned by 90 degrees, reading from bottom to top
};

struct Stroke {
    Rgb color;
    double width = 1;
    double alpha = 1;
    bool dashed = false;
};

/// Row-major pixels, top row first.
struct PixelImage {
    int width = 0, height = 0;
    std::vector<Rgb> pixels;
};

enum class PictureFormat { Png, Svg, Pdf };
/// By the file's suffix. \error InvalidArgument  none of .png, .svg, .pdf
Result<PictureFormat> pictureFormat(const std::string &fileName);

/// Sheets are measured in pixels of 1/96 inch, whatever the resolution.
inline constexpr double kPixelsPerInch = 96, kPixelsPerMillimetre = kPixelsPerInch / 25.4;

/// \error InvalidArgument  outside 16..16384 pixels
Status checkPictureSize(double width, double height);

/// A sheet to draw on; becomes the bytes of a PNG, SVG or PDF file. The only class that knows the graphics
/// library. Coordinates are pixels of the size asked for; `scale` makes a PNG, and images within SVG and PDF,
/// finer without changing the layout: 96 · scale dots per inch, which a PNG states. Texts stay texts in SVG
/// and PDF.
class Drawing {
public:
    /// \param width, height  see checkPictureSize()
    /// \param scale  0.5..8, of a PNG at most 16384 dots a side
    /// \param zoom  of all that is drawn, 0.25..4: bounds() are then those of the sheet / zoom
    /// \param transparent  what is not drawn on lets the ground shine through; else a PNG is black there
    /// \error InvalidArgument  out of these limits;  OutOfMemory
    static Result<Drawing> create(PictureFormat format, double width, double height, double scale,
                                  double zoom = 1, bool transparent = false);
    Drawing(Drawing &&) noexcept;
    ~Drawing();

    Rect bounds() const;
    double scale() const; ///< dots per pixel

    void fill(const Rect &rect, Rgb color, double alpha = 1);
    void fill(std::span<const Point> polygon, Rgb color, double alpha = 1);
    void frame(const Rect &rect, const Stroke &stroke);
    void line(Point from, Point to, const Stroke &stroke);
    void line(std::span<const Point> path, const Stroke &stroke);
    /// Stretches the image over the rectangle without smoothing.
    void image(const Rect &rect, const PixelImage &image);
    void text(Point at, const std::string &text, const TextStyle &style);
    double textWidth(const std::string &text, const TextStyle &style) const;
    /// The text in lines that fit, broken at spaces and line breaks; longer words stay whole.
    std::vector<std::string> wrapText(const std::string &text, double width, const TextStyle &style) const;
    /// The text, or as much of its end (names differ there) behind "…" as fits.
    std::string fitText(const std::string &text, double width, const TextStyle &style) const;
    /// Everything until unclip() is cut at the rectangle.
    void clip(const Rect &rect);
    void unclip();

    /// The finished file. Nothing can be drawn afterwards. \error OutOfMemory, IoError
    Result<std::string> finish();

private:
    struct Impl;
    explicit Drawing(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

} // namespace qs
