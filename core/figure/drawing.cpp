#include "core/figure/drawing.h"

#include "core/base/number_text.h"

#include <algorithm>
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kPointsPerPixel = 0.75; // PDF: 72 points an inch, pixels are 1/96 inch
constexpr double kCapHeight = 0.729;     // of the font size, DejaVu Sans

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

Surface makeSurface(PictureFormat format, int width, int height, double scale, std::string &bytes) {
    switch (format) {
    case PictureFormat::Png:
        return Surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24,
                                                  static_cast<int>(std::lround(width * scale)),
                                                  static_cast<int>(std::lround(height * scale))));
    case PictureFormat::Svg: {
        Surface surface(cairo_svg_surface_create_for_stream(appendBytes, &bytes, width, height));
        cairo_svg_surface_set_document_unit(surface.get(), CAIRO_SVG_UNIT_PX);
        return surface;
    }
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
    double width, height, scale;
    std::string bytes;
    Surface surface;
    Context context;

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
                "pictures are written as .png, .svg or .pdf; end the name in one of these", fileName);
}

Status checkPictureSize(int width, int height) {
    if (width < 16 || height < 16 || width > 16384 || height > 16384)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("picture size {}x{} is outside 16x16 to 16384x16384", width, height));
    return {};
}

Result<Drawing> Drawing::create(PictureFormat format, int width, int height, double scale) {
    QS_CHECK_OK(checkPictureSize(width, height));
    if (!(scale >= 0.5 && scale <= 8))
        return fail(ErrorCode::InvalidArgument, fmt::format("picture scale {} is outside 0.5 to 8", scale));
    auto impl = std::make_unique<Impl>(
        Impl{format, static_cast<double>(width), static_cast<double>(height), scale, {}, {}, {}});
    impl->surface = makeSurface(format, width, height, scale, impl->bytes);
    impl->context.reset(cairo_create(impl->surface.get()));
    if (const cairo_status_t status = cairo_status(impl->context.get()); status != CAIRO_STATUS_SUCCESS)
        return fail(ErrorCode::OutOfMemory, fmt::format("cannot make a {}x{} picture: {}", width, height,
                                                        cairo_status_to_string(status)));
    const double unit = format == PictureFormat::Png   ? scale
                        : format == PictureFormat::Pdf ? kPointsPerPixel
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
    m_impl->setColor(color, alpha);
    cairo_rectangle(m_impl->context.get(), rect.left, rect.top, rect.width, rect.height);
    cairo_fill(m_impl->context.get());
}

void Drawing::fill(std::span<const Point> polygon, Rgb color, double alpha) {
    for (const Point &point : polygon)
        cairo_line_to(m_impl->context.get(), point.x, point.y);
    cairo_close_path(m_impl->context.get());
    m_impl->setColor(color, alpha);
    cairo_fill(m_impl->context.get());
}

void Drawing::frame(const Rect &rect, const Stroke &stroke) {
    cairo_rectangle(m_impl->context.get(), rect.left, rect.top, rect.width, rect.height);
    m_impl->strokePath(stroke);
}

void Drawing::line(Point from, Point to, const Stroke &stroke) {
    const Point path[] = {from, to};
    line(path, stroke);
}

void Drawing::line(std::span<const Point> path, const Stroke &stroke) {
    for (const Point &point : path)
        cairo_line_to(m_impl->context.get(), point.x, point.y);
    m_impl->strokePath(stroke);
}

void Drawing::image(const Rect &rect, const PixelImage &image) {
    if (image.width <= 0 || image.height <= 0 || rect.empty())
        return;
    // SVG viewers smooth what they enlarge; pixels repeated to the target's resolution stay sharp.
    const bool vector = m_impl->format != PictureFormat::Png;
    const Surface pixels =
        makePixels(image, vector ? std::max(1, static_cast<int>(std::ceil(2 * rect.width / image.width))) : 1,
                   vector ? std::max(1, static_cast<int>(std::ceil(2 * rect.height / image.height))) : 1);
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
    const double x = -share(style.horizontal) * m_impl->advance(text);
    const double y = (1 - share(style.vertical)) * kCapHeight * style.size;
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

void Drawing::clip(const Rect &rect) {
    cairo_save(m_impl->context.get());
    cairo_rectangle(m_impl->context.get(), rect.left, rect.top, rect.width, rect.height);
    cairo_clip(m_impl->context.get());
}

void Drawing::unclip() {
    cairo_restore(m_impl->context.get());
}

Result<std::string> Drawing::finish() {
    cairo_status_t status = cairo_status(m_impl->context.get());
    if (status == CAIRO_STATUS_SUCCESS && m_impl->format == PictureFormat::Png)
        status = cairo_surface_write_to_png_stream(m_impl->surface.get(), appendBytes, &m_impl->bytes);
    cairo_surface_finish(m_impl->surface.get());
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(m_impl->surface.get());
    if (status != CAIRO_STATUS_SUCCESS)
        return fail(ErrorCode::IoError,
                    fmt::format("cannot make the picture: {}", cairo_status_to_string(status)));
    return std::move(m_impl->bytes);
}

} // namespace qs
