#include "core/figure/drawing.h"

#include "core/base/number_text.h"
#include "core/figure/png_resolution.h"
#include "core/figure/svg_writer.h"

#include <algorithm>
#include <cairo-pdf.h>
#include <cairo.h>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <sstream>

namespace qs {
namespace {

constexpr double kPointsPerPixel = 0.75; // PDF: 72 points an inch, pixels are 1/96 inch
constexpr double kCapHeight = 0.729;     // of the font size, DejaVu Sans
constexpr int kMostPixels = 16384;

cairo_status_t appendBytes(void *bytes, const unsigned char *data, unsigned int length) {
    static_cast<std::string *>(bytes)->append(reinterpret_cast<const char *>(data), length);
    return CAIRO_STATUS_SUCCESS;
}

struct SurfaceDeleter {
    void operator()(cairo_surface_t *surface) const { cairo_surface_destroy(surface); }
};
struct ContextDeleter {
    void operator()(cairo_t *context) const { cairo_destroy(context); }
};
using Surface = std::unique_ptr<cairo_surface_t, SurfaceDeleter>;
using Context = std::unique_ptr<cairo_t, ContextDeleter>;

Surface makeSurface(PictureFormat format, double width, double height, double scale, bool transparent,
                    std::string &bytes) {
    switch (format) {
    case PictureFormat::Png:
        return Surface(cairo_image_surface_create(transparent ? CAIRO_FORMAT_ARGB32 : CAIRO_FORMAT_RGB24,
                                                  static_cast<int>(std::lround(width * scale)),
                                                  static_cast<int>(std::lround(height * scale))));
    case PictureFormat::Svg: // measures texts only
        return Surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1));
    case PictureFormat::Pdf:
        return Surface(cairo_pdf_surface_create_for_stream(appendBytes, &bytes, width * kPointsPerPixel,
                                                           height * kPointsPerPixel));
    }
    return {};
}

/// Where the character after the one at `at` starts in a UTF-8 text.
std::size_t nextCharacter(const std::string &text, std::size_t at) {
    do
        ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
    return at;
}

std::string pngOf(cairo_surface_t *surface, cairo_status_t &status) {
    std::string bytes;
    status = cairo_surface_write_to_png_stream(surface, appendBytes, &bytes);
    return bytes;
}

/// The image with every pixel repeated repeatX by repeatY times. A failed surface makes the whole picture
/// fail.
Surface makePixels(const PixelImage &image, int repeatX, int repeatY) {
    Surface surface(
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, image.width * repeatX, image.height * repeatY));
    unsigned char *bytes = cairo_image_surface_get_data(surface.get());
    const int stride = cairo_image_surface_get_stride(surface.get());
    for (int y = 0; bytes && y < image.height * repeatY; ++y) {
        auto *row = reinterpret_cast<std::uint32_t *>(bytes + static_cast<std::ptrdiff_t>(y) * stride);
        const Rgb *source = image.pixels.data() + static_cast<std::ptrdiff_t>(y / repeatY) * image.width;
        for (int x = 0; x < image.width * repeatX; ++x) {
            const Rgb color = source[x / repeatX];
            row[x] = static_cast<std::uint32_t>(color.red) << 16 |
                     static_cast<std::uint32_t>(color.green) << 8 | color.blue;
        }
    }
    cairo_surface_mark_dirty(surface.get());
    return surface;
}

} // namespace

struct Drawing::Impl {
    PictureFormat format;
    double width, height, scale; ///< after zooming
    double dotsPerInch;
    std::string bytes;
    Surface surface;
    Context context;
    std::optional<SvgWriter> svg;
    cairo_status_t failure = CAIRO_STATUS_SUCCESS; ///< of an image within

    void keep(cairo_status_t status) {
        if (failure == CAIRO_STATUS_SUCCESS)
            failure = status;
    }
    void setColor(Rgb color, double alpha) const {
        cairo_set_source_rgba(context.get(), color.red / 255.0, color.green / 255.0, color.blue / 255.0,
                              alpha);
    }
    void strokePath(const Stroke &stroke) const {
        setColor(stroke.color, stroke.alpha);
        cairo_set_line_width(context.get(), stroke.width);
        constexpr double kDashes[] = {4, 3};
        cairo_set_dash(context.get(), kDashes, stroke.dashed ? 2 : 0, 0);
        cairo_stroke(context.get());
    }
    void setFont(const TextStyle &style) const {
        cairo_select_font_face(context.get(), "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                               style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
        cairo_set_font_size(context.get(), style.size);
    }
    double advance(const std::string &text) const {
        cairo_text_extents_t extents;
        // The library refuses the whole picture over one byte that is no UTF-8.
        cairo_text_extents(context.get(), printable(text).c_str(), &extents);
        return extents.x_advance;
    }
};

Result<PictureFormat> pictureFormat(const std::string &fileName) {
    std::string suffix = std::filesystem::path(fileName).extension().string();
    std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    if (suffix == ".png")
        return PictureFormat::Png;
    if (suffix == ".svg")
        return PictureFormat::Svg;
    if (suffix == ".pdf")
        return PictureFormat::Pdf;
    return fail(ErrorCode::InvalidArgument,
                "pictures are written as .png, .svg or .pdf, tables as .csv; end the name in one of these",
                fileName);
}

Status checkPictureSize(double width, double height) {
    if (!(width >= 16 && height >= 16 && width <= kMostPixels && height <= kMostPixels))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("picture size {:.6g}x{:.6g} is outside 16x16 to {}x{}", width, height,
                                kMostPixels, kMostPixels));
    return {};
}

Result<Drawing> Drawing::create(PictureFormat format, double width, double height, double scale, double zoom,
                                bool transparent) {
    QS_CHECK_OK(checkPictureSize(width, height));
    if (!(zoom >= 0.25 && zoom <= 4))
        return fail(ErrorCode::InvalidArgument, fmt::format("picture zoom {} is outside 0.25 to 4", zoom));
    if (!(scale >= 0.5 && scale <= 8))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("picture scale {} is outside 0.5 to 8 (48 to 768 dots per inch)", scale));
    if (format == PictureFormat::Png && std::max(width, height) * scale > kMostPixels)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a PNG of {:.0f}x{:.0f} dots is too large (at most {} a side): lower the "
                                "resolution or the size",
                                width * scale, height * scale, kMostPixels));
    auto impl = std::make_unique<Impl>(Impl{format,
                                            width / zoom,
                                            height / zoom,
                                            scale * zoom,
                                            scale * kPixelsPerInch,
                                            {},
                                            {},
                                            {},
                                            {},
                                            CAIRO_STATUS_SUCCESS});
    impl->surface = makeSurface(format, width, height, scale, transparent, impl->bytes);
    if (format == PictureFormat::Svg)
        impl->svg.emplace(width, height, zoom);
    impl->context.reset(cairo_create(impl->surface.get()));
    if (const cairo_status_t status = cairo_status(impl->context.get()); status != CAIRO_STATUS_SUCCESS)
        return fail(ErrorCode::OutOfMemory, fmt::format("cannot make a {:.6g}x{:.6g} picture: {}", width,
                                                        height, cairo_status_to_string(status)));
    const double unit = format == PictureFormat::Png   ? scale * zoom
                        : format == PictureFormat::Pdf ? kPointsPerPixel * zoom
                                                       : 1;
    cairo_scale(impl->context.get(), unit, unit);
    cairo_set_line_join(impl->context.get(), CAIRO_LINE_JOIN_ROUND);
    // Unhinted metrics: the layout is the same at every scale and in every format.
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(impl->context.get(), options);
    cairo_font_options_destroy(options);
    return Drawing(std::move(impl));
}

Drawing::Drawing(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Drawing::Drawing(Drawing &&) noexcept = default;
Drawing::~Drawing() = default;

Rect Drawing::bounds() const {
    return {0, 0, m_impl->width, m_impl->height};
}
double Drawing::scale() const {
    return m_impl->scale;
}

void Drawing::fill(const Rect &rect, Rgb color, double alpha) {
    if (m_impl->svg)
        return m_impl->svg->fill(rect, color, alpha);
    m_impl->setColor(color, alpha);
    cairo_rectangle(m_impl->context.get(), rect.left, rect.top, rect.width, rect.height);
    cairo_fill(m_impl->context.get());
}

void Drawing::fill(std::span<const Point> polygon, Rgb color, double alpha) {
    if (m_impl->svg)
        return m_impl->svg->fill(polygon, color, alpha);
    for (const Point &point : polygon)
        cairo_line_to(m_impl->context.get(), point.x, point.y);
    cairo_close_path(m_impl->context.get());
    m_impl->setColor(color, alpha);
    cairo_fill(m_impl->context.get());
}

void Drawing::frame(const Rect &rect, const Stroke &stroke) {
    if (m_impl->svg)
        return m_impl->svg->frame(rect, stroke);
    cairo_rectangle(m_impl->context.get(), rect.left, rect.top, rect.width, rect.height);
    m_impl->strokePath(stroke);
}

void Drawing::line(Point from, Point to, const Stroke &stroke) {
    const Point path[] = {from, to};
    line(path, stroke);
}

void Drawing::line(std::span<const Point> path, const Stroke &stroke) {
    if (m_impl->svg)
        return m_impl->svg->line(path, stroke);
    for (const Point &point : path)
        cairo_line_to(m_impl->context.get(), point.x, point.y);
    m_impl->strokePath(stroke);
}

void Drawing::image(const Rect &rect, const PixelImage &image) {
    if (image.width <= 0 || image.height <= 0 || rect.empty())
        return;
    // Viewers smooth what they enlarge; pixels repeated to the resolution asked for stay sharp.
    const bool vector = m_impl->format != PictureFormat::Png;
    const double dots = std::max(2.0, m_impl->scale);
    const auto repeat = [&](double length, int count) {
        return vector ? std::max(1, static_cast<int>(std::ceil(dots * length / count))) : 1;
    };
    const Surface pixels =
        makePixels(image, repeat(rect.width, image.width), repeat(rect.height, image.height));
    if (m_impl->svg) {
        cairo_status_t status;
        m_impl->svg->image(rect, pngOf(pixels.get(), status));
        return m_impl->keep(status);
    }
    cairo_t *context = m_impl->context.get();
    cairo_save(context);
    cairo_rectangle(context, rect.left, rect.top, rect.width, rect.height);
    cairo_clip(context);
    cairo_translate(context, rect.left, rect.top);
    cairo_scale(context, rect.width / cairo_image_surface_get_width(pixels.get()),
                rect.height / cairo_image_surface_get_height(pixels.get()));
    cairo_set_source_surface(context, pixels.get(), 0, 0);
    cairo_pattern_set_filter(cairo_get_source(context), CAIRO_FILTER_NEAREST);
    cairo_paint(context);
    cairo_restore(context);
}

void Drawing::text(Point at, const std::string &text, const TextStyle &style) {
    cairo_t *context = m_impl->context.get();
    cairo_save(context);
    m_impl->setFont(style);
    m_impl->setColor(style.color, 1);
    cairo_translate(context, at.x, at.y);
    if (style.upwards)
        cairo_rotate(context, -std::acos(-1.0) / 2);
    const auto share = [](Align align) {
        return align == Align::Start ? 0.0 : align == Align::Middle ? 0.5 : 1.0;
    };
    const double y = (1 - share(style.vertical)) * kCapHeight * style.size;
    if (m_impl->svg) {
        cairo_restore(context);
        return m_impl->svg->text(at, text, style, y);
    }
    const double x = -share(style.horizontal) * m_impl->advance(text);
    cairo_move_to(context, x, y);
    cairo_show_text(context, printable(text).c_str());
    cairo_new_path(context); // the end of the text would become the start of the next line
    cairo_restore(context);
}

double Drawing::textWidth(const std::string &text, const TextStyle &style) const {
    m_impl->setFont(style);
    return m_impl->advance(text);
}

std::string Drawing::fitText(const std::string &text, double width, const TextStyle &style) const {
    std::string fitted = text;
    for (std::size_t cut = 0; textWidth(fitted, style) > width && cut < text.size();) {
        cut = nextCharacter(text, cut);
        fitted = "…" + text.substr(cut);
    }
    return fitted;
}

std::vector<std::string> Drawing::wrapText(const std::string &text, double width,
                                           const TextStyle &style) const {
    std::vector<std::string> lines;
    std::istringstream paragraphs(text);
    for (std::string paragraph; std::getline(paragraphs, paragraph);) {
        std::istringstream words(paragraph);
        std::string line;
        for (std::string word; words >> word;) {
            const std::string longer = line.empty() ? word : line + ' ' + word;
            if (!line.empty() && textWidth(longer, style) > width) {
                lines.push_back(std::move(line));
                line = word;
            } else {
                line = longer;
            }
        }
        lines.push_back(line);
    }
    return lines;
}

void Drawing::clip(const Rect &rect) {
    if (m_impl->svg)
        return m_impl->svg->clip(rect);
    cairo_save(m_impl->context.get());
    cairo_rectangle(m_impl->context.get(), rect.left, rect.top, rect.width, rect.height);
    cairo_clip(m_impl->context.get());
}

void Drawing::unclip() {
    if (m_impl->svg)
        return m_impl->svg->unclip();
    cairo_restore(m_impl->context.get());
}

Result<std::string> Drawing::finish() {
    cairo_status_t status =
        m_impl->failure != CAIRO_STATUS_SUCCESS ? m_impl->failure : cairo_status(m_impl->context.get());
    if (status == CAIRO_STATUS_SUCCESS && m_impl->format == PictureFormat::Png) {
        m_impl->bytes = pngOf(m_impl->surface.get(), status);
        if (status == CAIRO_STATUS_SUCCESS)
            setPngResolution(m_impl->bytes, m_impl->dotsPerInch);
    }
    if (m_impl->svg)
        m_impl->bytes = m_impl->svg->finish();
    cairo_surface_finish(m_impl->surface.get());
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(m_impl->surface.get());
    if (status != CAIRO_STATUS_SUCCESS)
        return fail(ErrorCode::IoError,
                    fmt::format("cannot make the picture: {}", cairo_status_to_string(status)));
    return std::move(m_impl->bytes);
}

} // namespace qs
