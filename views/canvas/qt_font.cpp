#include "views/canvas/qt_font.h"

#include <QFont>
#include <QRawFont>
#include <QtEndian>
#include <bit>
#include <vector>

namespace qs::views {

namespace {

template <typename T>
void appendBigEndian(QByteArray &bytes, T value) {
    const T swapped = qToBigEndian(value);
    bytes.append(reinterpret_cast<const char *>(&swapped), sizeof swapped);
}

struct Table {
    const char *tag;
    QByteArray bytes;
};

/// The tables that ImGui reads, in the order of the directory: by tag.
std::vector<Table> outlineTables(const QRawFont &font) {
    std::vector<Table> tables;
    for (const char *tag : {"CFF ", "OS/2", "cmap", "glyf", "head", "hhea", "hmtx", "kern", "loca", "maxp"}) {
        QByteArray bytes = font.fontTable(tag);
        if (!bytes.isEmpty())
            tables.push_back({tag, std::move(bytes)});
    }
    return tables;
}

bool contains(const std::vector<Table> &tables, const char *tag) {
    return std::any_of(tables.begin(), tables.end(),
                       [&](const Table &t) { return qstrcmp(t.tag, tag) == 0; });
}

} // namespace

QByteArray trueTypeFile(const QFont &font) {
    const std::vector<Table> tables = outlineTables(QRawFont::fromFont(font));
    const bool isCff = contains(tables, "CFF ");
    if (!(isCff || contains(tables, "glyf")) || !contains(tables, "cmap") || !contains(tables, "head"))
        return {};

    const auto count = static_cast<quint16>(tables.size());
    const int log2 = std::bit_width(count) - 1;
    QByteArray file;
    appendBigEndian<quint32>(file, isCff ? 0x4F54544F : 0x00010000); // "OTTO" or TrueType
    appendBigEndian<quint16>(file, count);
    appendBigEndian<quint16>(file, static_cast<quint16>(16 << log2));
    appendBigEndian<quint16>(file, static_cast<quint16>(log2));
    appendBigEndian<quint16>(file, static_cast<quint16>(16 * count - (16 << log2)));
    auto offset = static_cast<quint32>(12 + 16 * count);
    for (const Table &table : tables) {
        file.append(table.tag, 4);
        appendBigEndian<quint32>(file, 0); // checksum: ImGui does not look at it
        appendBigEndian<quint32>(file, offset);
        appendBigEndian<quint32>(file, static_cast<quint32>(table.bytes.size()));
        offset += static_cast<quint32>((table.bytes.size() + 3) / 4 * 4);
    }
    for (const Table &table : tables) {
        file += table.bytes;
        file.append((4 - table.bytes.size() % 4) % 4, '\0');
    }
    return file;
}

} // namespace qs::views
