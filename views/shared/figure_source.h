#pragma once

#include "core/base/run_context.h"

#include <QSize>
#include <QString>
#include <functional>
#include <string>

namespace qs::views {

/// What a figure is to become.
struct FigureRequest {
    enum class Format { Svg, Pdf, Png, Csv };
    enum class Background { White, Transparent, Theme };

    Format format = Format::Svg;
    QSizeF millimetres{85, 60};
    int dpi = 300;     ///< of a PNG, and of images within SVG and PDF
    double points = 7; ///< size of labels, whatever the size of the figure
    Background background = Background::White;
    QString caption; ///< empty: none

    bool operator==(const FigureRequest &) const = default;
};

/// Makes the bytes of a file. For a worker: holds snapshots only.
using FigureWork = std::function<Result<std::string>(const RunContext &)>;

/// A chart or map that can be exported: a widget that is this gets the export of its view (FigureExporter).
class FigureSource {
public:
    virtual ~FigureSource() = default;

    /// For file names, without suffix.
    virtual QString figureName() const = 0;
    /// What the figure shows, for captions.
    virtual QString figureTitle() const = 0;
    /// The size that suits it, in pixels of 1/96 inch.
    virtual QSize figureSize() const = 0;
    /// Whether its texts shrink with it, so that figureSize() is what to suggest.
    virtual bool needsItsSize() const { return false; }
    /// Whether there is anything to draw now.
    virtual bool hasFigure() const = 0;
    /// Takes a snapshot of what is shown. GUI thread; hasFigure() must hold.
    virtual FigureWork prepareFigure(const FigureRequest &request) = 0;
};

} // namespace qs::views
