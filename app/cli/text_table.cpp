#include "app/cli/text_table.h"

#include "core/base/number_text.h"

#include <algorithm>

namespace qs::app {
namespace {

std::size_t characters(const std::string &text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(const std::string &text, std::size_t width, TextTable::Side side) {
    const std::string space(width - std::min(width, characters(text)), ' ');
    return side == TextTable::Side::Left ? text + space : space + text;
}

std::string withoutTrailingSpace(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line + '\n';
}

} // namespace

void TextTable::addRow(std::vector<std::string> cells) {
    cells.resize(m_columns.size());
    for (std::string &cell : cells)
        cell = printable(cell);
    m_rows.push_back(std::move(cells));
}

std::string TextTable::text() const {
    std::vector<std::size_t> widths;
    for (std::size_t column = 0; column < m_columns.size(); ++column) {
        widths.push_back(characters(m_columns[column].title));
        for (const auto &row : m_rows)
            widths.back() = std::max(widths.back(), characters(row[column]));
    }
    std::string header, rule, body;
    for (std::size_t column = 0; column < m_columns.size(); ++column) {
        const std::string gap = column > 0 ? "  " : "";
        header += gap + padded(m_columns[column].title, widths[column], m_columns[column].side);
        rule += gap + std::string(widths[column], '-');
    }
    for (const auto &row : m_rows) {
        std::string line;
        for (std::size_t column = 0; column < m_columns.size(); ++column)
            line += (column > 0 ? "  " : "") + padded(row[column], widths[column], m_columns[column].side);
        body += withoutTrailingSpace(std::move(line));
    }
    return withoutTrailingSpace(std::move(header)) + rule + '\n' + body;
}

std::string alignedPairs(const std::vector<std::pair<std::string, std::string>> &pairs) {
    std::size_t width = 0;
    for (const auto &[name, value] : pairs)
        width = std::max(width, characters(name));
    std::string text;
    for (const auto &[name, value] : pairs)
        text += padded(name, width, TextTable::Side::Left) + "  " + printable(value) + '\n';
    return text;
}

std::string valueText(std::optional<double> value, const std::string &unit, int digits) {
    if (!value)
        return "–";
    return significant(*value, digits) + (unit.empty() ? "" : " " + unit);
}

} // namespace qs::app
