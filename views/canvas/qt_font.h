#pragma once

#include <QByteArray>

class QFont;

namespace qs::views {

/// The TrueType file behind a Qt font, rebuilt from its tables, so that canvases write in the application's
/// own font. Empty when the font engine gives no outlines (bitmap fonts).
QByteArray trueTypeFile(const QFont &font);

} // namespace qs::views
