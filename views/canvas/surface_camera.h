#pragma once

#include <array>

namespace qs::views {

/// A place in the box that a surface fills: x along columns, y along rows, z upwards, each 0..1.
struct BoxPoint {
    double x = 0, y = 0, z = 0;
};

/// Pixels, y downwards.
struct ScreenPoint {
    double x = 0, y = 0;
};

/// Everything that one pixel shows lies on origin + t · direction; larger t is further away.
struct BoxRay {
    BoxPoint origin, direction;
};

/// Looks at the box in parallel projection: equal heights look equal wherever they stand. Knows nothing of
/// Qt and OpenGL.
class SurfaceCamera {
public:
    static constexpr double kLeastElevation = 4, kMostElevation = 90; ///< degrees

    SurfaceCamera() { reset(); }
    void setViewport(double left, double top, double width, double height);
    /// Side lengths of the box relative to each other, all > 0.
    void setProportions(double columns, double rows, double height);
    /// Turns the box about its vertical axis and tilts it, in degrees.
    void orbit(double azimuth, double elevation);
    /// Scales by `factor` and keeps what is under the pixel where it is.
    void zoomAt(double x, double y, double factor);
    void reset();

    double azimuth() const { return m_azimuth; }
    double elevation() const { return m_elevation; }
    double zoom() const { return m_zoom; }

    ScreenPoint project(const BoxPoint &point) const;
    BoxRay rayThrough(double x, double y) const;
    /// Towards the viewer, in world units: signs tell which sides of the box are near.
    std::array<double, 3> towardsViewer() const;

private:
    double pixelsPerUnit() const;
    std::array<double, 3> right() const;
    std::array<double, 3> up() const;

    double m_left = 0, m_top = 0, m_width = 1, m_height = 1;
    std::array<double, 3> m_size{1, 1, 0.55};
    double m_azimuth = 0, m_elevation = 0; ///< degrees; set by reset()
    double m_zoom = 1;
    double m_panX = 0, m_panY = 0; ///< pixels
};

} // namespace qs::views
