#include "views/canvas/surface_camera.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace qs::views {

namespace {

using Vector = std::array<double, 3>;

constexpr double kFirstAzimuth = -32, kFirstElevation = 32;
constexpr double kMostZoom = 40, kLeastZoom = 0.5;

double radians(double degrees) {
    return degrees * std::numbers::pi / 180;
}

double dot(const Vector &a, const Vector &b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

} // namespace

void SurfaceCamera::setViewport(double left, double top, double width, double height) {
    m_left = left;
    m_top = top;
    m_width = std::max(width, 1.0);
    m_height = std::max(height, 1.0);
}

void SurfaceCamera::setProportions(double columns, double rows, double height) {
    m_size = {columns, rows, height};
}

void SurfaceCamera::orbit(double azimuth, double elevation) {
    m_azimuth = std::remainder(m_azimuth + azimuth, 360);
    m_elevation = std::clamp(m_elevation + elevation, kLeastElevation, kMostElevation);
}

void SurfaceCamera::zoomAt(double x, double y, double factor) {
    const double zoom = std::clamp(m_zoom * factor, kLeastZoom, kMostZoom);
    const double applied = zoom / m_zoom;
    // The middle of the viewport, shifted by the pan, is what scaling leaves in place.
    const double middleX = m_left + m_width / 2 + m_panX, middleY = m_top + m_height / 2 + m_panY;
    m_panX += (x - middleX) * (1 - applied);
    m_panY += (y - middleY) * (1 - applied);
    m_zoom = zoom;
    if (zoom <= 1)
        m_panX = m_panY = 0;
}

void SurfaceCamera::reset() {
    m_azimuth = kFirstAzimuth;
    m_elevation = kFirstElevation;
    m_zoom = 1;
    m_panX = m_panY = 0;
}

Vector SurfaceCamera::towardsViewer() const {
    const double a = radians(m_azimuth), e = radians(m_elevation);
    return {std::sin(a) * std::cos(e), -std::cos(a) * std::cos(e), std::sin(e)};
}

Vector SurfaceCamera::right() const {
    const double a = radians(m_azimuth);
    return {std::cos(a), std::sin(a), 0};
}

Vector SurfaceCamera::up() const {
    const double a = radians(m_azimuth), e = radians(m_elevation);
    return {-std::sin(a) * std::sin(e), std::cos(a) * std::sin(e), std::cos(e)};
}

double SurfaceCamera::pixelsPerUnit() const {
    // What the box needs at this elevation, whichever way it is turned: orbiting does not change its size.
    const double across = std::hypot(m_size[0], m_size[1]);
    const double e = radians(m_elevation);
    const double upwards = across * std::sin(e) + m_size[2] * std::cos(e);
    return m_zoom * std::min(m_width / across, m_height / upwards);
}

ScreenPoint SurfaceCamera::project(const BoxPoint &point) const {
    const Vector world{(point.x - 0.5) * m_size[0], (point.y - 0.5) * m_size[1], (point.z - 0.5) * m_size[2]};
    const double scale = pixelsPerUnit();
    return {m_left + m_width / 2 + m_panX + scale * dot(world, right()),
            m_top + m_height / 2 + m_panY - scale * dot(world, up())};
}

BoxRay SurfaceCamera::rayThrough(double x, double y) const {
    const double scale = pixelsPerUnit();
    const double u = (x - m_left - m_width / 2 - m_panX) / scale;
    const double v = -(y - m_top - m_height / 2 - m_panY) / scale;
    const Vector r = right(), w = up(), viewer = towardsViewer();
    const auto origin = [&](std::size_t i) { return (u * r[i] + v * w[i]) / m_size[i] + 0.5; };
    const auto direction = [&](std::size_t i) { return -viewer[i] / m_size[i]; };
    return {{origin(0), origin(1), origin(2)}, {direction(0), direction(1), direction(2)}};
}

} // namespace qs::views
