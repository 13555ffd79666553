#include "core/figure/svg_writer.h"

#include "core/base/number_text.h"

#include <fmt/format.h>

namespace qs {
namespace {

std::string number(double value) {
    return fmt::format("{:.7g}", value);
}

std::string colorText(Rgb color) {
    return fmt::format("#{:02x}{:02x}{:02x}", color.red, color.green, color.blue);
}

std::string fillStyle(Rgb color, double alpha) {
    return fmt::format(R"(fill="{}"{})", colorText(color),
                       alpha < 1 ? fmt::format(R"( fill-opacity="{}")", number(alpha)) : "");
}

std::string strokeStyle(const Stroke &stroke) {
    std::string style = fmt::format(R"(fill="none" stroke="{}" stroke-width="{}" stroke-linejoin="round")",
                                    colorText(stroke.color), number(stroke.width));
    if (stroke.alpha < 1)
        style += fmt::format(R"( stroke-opacity="{}")", number(stroke.alpha));
    return style + (stroke.dashed ? R"( stroke-dasharray="4 3")" : "");
}

std::string rectText(const Rect &rect) {
    return fmt::format(R"(x="{}" y="{}" width="{}" height="{}")", number(rect.left), number(rect.top),
                       number(rect.width), number(rect.height));
}

std::string pointsText(std::span<const Point> points) {
    std::string text;
    for (const Point &point : points)
        text += fmt::format("{},{} ", number(point.x), number(point.y));
    return text;
}

std::string escaped(const std::string &text) {
    std::string result;
    for (const char c : printable(text))
        switch (c) {
        case '&':
            result += "&amp;";
            break;
        case '<':
            result += "&lt;";
            break;
        case '>':
            result += "&gt;";
            break;
        default:
            result += c;
        }
    return result;
}

/// \source RFC 4648, section 4
std::string base64(std::string_view bytes) {
    constexpr const char *kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t three = 0;
        for (std::size_t k = 0; k < 3; ++k)
            three = three << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k)
            text += i + k <= bytes.size() ? kDigits[three >> (18 - 6 * k) & 63] : '=';
    }
    return text;
}

const char *anchorOf(Align align) {
    return align == Align::Start ? "start" : align == Align::Middle ? "middle" : "end";
}

} // namespace

SvgWriter::SvgWriter(double width, double height, double zoom)
    : m_out(fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" "
                        "xmlns:xlink=\"http://www.w3.org/1999/xlink\" version=\"1.1\" "
                        "width=\"{}mm\" height=\"{}mm\" viewBox=\"0 0 {} {}\" "
                        "font-family=\"DejaVu Sans, Verdana, sans-serif\">\n",
                        number(width / kPixelsPerMillimetre), number(height / kPixelsPerMillimetre),
                        number(width / zoom), number(height / zoom))) {}

void SvgWriter::fill(const Rect &rect, Rgb color, double alpha) {
    if (!rect.empty()) // a negative size is an error in SVG
        m_out += fmt::format("<rect {} {}/>\n", rectText(rect), fillStyle(color, alpha));
}

void SvgWriter::fill(std::span<const Point> polygon, Rgb color, double alpha) {
    m_out += fmt::format("<polygon points=\"{}\" {}/>\n", pointsText(polygon), fillStyle(color, alpha));
}

void SvgWriter::frame(const Rect &rect, const Stroke &stroke) {
    if (!rect.empty())
        m_out += fmt::format("<rect {} {}/>\n", rectText(rect), strokeStyle(stroke));
}

void SvgWriter::line(std::span<const Point> path, const Stroke &stroke) {
    m_out += fmt::format("<polyline points=\"{}\" {}/>\n", pointsText(path), strokeStyle(stroke));
}

void SvgWriter::image(const Rect &rect, std::string_view png) {
    m_out += fmt::format("<image {} preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" "
                         "xlink:href=\"data:image/png;base64,{}\"/>\n",
                         rectText(rect), base64(png));
}

void SvgWriter::text(Point at, const std::string &text, const TextStyle &style, double baseline) {
    const std::string x = number(at.x), y = number(at.y), down = number(baseline);
    const std::string place =
        style.upwards ? fmt::format("transform=\"translate({} {}) rotate(-90)\" y=\"{}\"", x, y, down)
                      : fmt::format("x=\"{}\" y=\"{}\"", x, number(at.y + baseline));
    m_out += fmt::format("<text {} font-size=\"{}\" text-anchor=\"{}\" fill=\"{}\"{}>{}</text>\n", place,
                         number(style.size), anchorOf(style.horizontal), colorText(style.color),
                         style.bold ? " font-weight=\"bold\"" : "", escaped(text));
}

void SvgWriter::clip(const Rect &rect) {
    ++m_clips;
    m_out += fmt::format("<clipPath id=\"clip{0}\"><rect {1}/></clipPath>\n<g clip-path=\"url(#clip{0})\">\n",
                         m_clips, rectText(rect));
}

void SvgWriter::unclip() {
    m_out += "</g>\n";
}

std::string SvgWriter::finish() {
    m_out += "</svg>\n";
    return std::move(m_out);
}

} // namespace qs
