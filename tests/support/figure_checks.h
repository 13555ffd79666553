#pragma once

#include "views/shared/figure_source.h"

#include <QImage>
#include <QXmlStreamReader>
#include <gtest/gtest.h>
#include <regex>

namespace qs::views {

/// The bytes that an export writes; a failure fails the test and gives nothing.
inline QByteArray exported(FigureSource &figure, const FigureRequest &request) {
    const Result<std::string> bytes = figure.prepareFigure(request)({});
    EXPECT_TRUE(bytes) << (bytes ? "" : bytes.error().text());
    return bytes ? QByteArray::fromStdString(*bytes) : QByteArray();
}

/// All texts of an SVG file, joined by spaces; empty when it is not well-formed.
inline QString textsOf(const QByteArray &svg) {
    QXmlStreamReader reader(svg);
    QString texts;
    bool isSvg = false, inText = false;
    while (!reader.atEnd()) {
        const auto token = reader.readNext();
        isSvg |= reader.name() == QLatin1String("svg");
        if (reader.name() == QLatin1String("text"))
            inText = token == QXmlStreamReader::StartElement;
        if (token == QXmlStreamReader::Characters && inText)
            texts += reader.text().toString() + QLatin1Char(' ');
    }
    EXPECT_FALSE(reader.hasError()) << reader.errorString().toStdString();
    return isSvg && !reader.hasError() ? texts.simplified() : QString();
}

/// Width and height of the only page of a PDF file, in points.
inline QSizeF pageSizeOf(const QByteArray &pdf) {
    EXPECT_TRUE(pdf.startsWith("%PDF-"));
    EXPECT_TRUE(pdf.trimmed().endsWith("%%EOF"));
    const std::string text = pdf.toStdString();
    std::smatch match;
    const std::regex box(R"(/MediaBox\s*\[\s*0\s+0\s+([0-9.]+)\s+([0-9.]+)\s*\])");
    EXPECT_TRUE(std::regex_search(text, match, box));
    return match.empty() ? QSizeF() : QSizeF(std::stod(match[1]), std::stod(match[2]));
}

inline double toDpi(int dotsPerMeter) {
    return dotsPerMeter * 0.0254;
}

} // namespace qs::views
