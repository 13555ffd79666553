#include "core/session/sweep/table_text.h"

#include "core/base/number_text.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

std::string escaped(const std::string &text, std::string_view special,
                    std::string (*replacement)(char character)) {
    std::string result;
    for (const char character : text)
        result += special.find(character) == std::string_view::npos ? std::string(1, character)
                                                                    : replacement(character);
    return result;
}

std::string markdownText(const std::string &text) {
    return escaped(text, "|\n\r", [](char c) { return c == '|' ? std::string("\\|") : std::string(" "); });
}

std::string latexText(const std::string &text) {
    const std::string plain = escaped(text, "\\{}$&#_%~^\n\r", [](char c) -> std::string {
        switch (c) {
        case '\\':
            return "\\textbackslash{}";
        case '~':
            return "\\textasciitilde{}";
        case '^':
            return "\\textasciicircum{}";
        case '\n':
        case '\r':
            return " ";
        default:
            return std::string("\\") + c;
        }
    });
    return plain == "–" ? "--" : plain;
}

/// Cells between separators, one line. \param cellText  of a row's cell or a column's title
template <typename Cells, typename CellText>
std::string line(const Cells &cells, const std::string &separator, const CellText &cellText) {
    std::string text;
    for (const auto &cell : cells)
        text += (&cell == &cells.front() ? "" : separator) + cellText(cell);
    return text;
}

} // namespace

std::vector<std::size_t> constantColumns(const TextCells &table) {
    std::vector<std::size_t> found;
    for (std::size_t column = 0; table.rows.size() > 1 && column < table.columns.size(); ++column) {
        const std::string &first = table.rows[0][column].text;
        if (std::all_of(table.rows.begin(), table.rows.end(),
                        [&](const auto &row) { return row[column].text == first; }))
            found.push_back(column);
    }
    return found;
}

std::string csvTable(const TextCells &table) {
    using Column = TextCells::Column;
    std::string text =
        line(table.columns, ",", [](const Column &column) { return csvField(column.title()); }) + "\n";
    for (const auto &row : table.rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            text += i == 0 ? "" : ",";
            if (!table.columns[i].isNumber)
                text += csvField(row[i].text);
            else if (row[i].value)
                text += fmt::format("{}", *row[i].value);
        }
        text += '\n';
    }
    return text;
}

std::string markdownTable(const TextCells &table) {
    using Column = TextCells::Column;
    std::string text =
        "| " + line(table.columns, " | ", [](const Column &column) { return markdownText(column.title()); }) +
        " |\n";
    text += "|" +
            line(table.columns, "|",
                 [](const Column &column) { return std::string(column.isNumber ? "---:" : "---"); }) +
            "|\n";
    for (const auto &row : table.rows)
        text += "| " + line(row, " | ", [](const TextCells::Cell &cell) { return markdownText(cell.text); }) +
                " |\n";
    return text;
}

std::string latexTable(const TextCells &table, const std::string &caption) {
    using Column = TextCells::Column;
    std::string text = "% needs \\usepackage{booktabs} and UTF-8\n";
    for (std::size_t begin = 0; begin < caption.size();) {
        const std::size_t end = std::min(caption.find('\n', begin), caption.size());
        text += "% " + caption.substr(begin, end - begin) + "\n";
        begin = end + 1;
    }
    text += "\\begin{tabular}{" +
            line(table.columns, "",
                 [](const Column &column) { return std::string(column.isNumber ? "r" : "l"); }) +
            "}\n\\toprule\n" +
            line(table.columns, " & ", [](const Column &column) { return latexText(column.title()); }) +
            " \\\\\n\\midrule\n";
    for (const auto &row : table.rows)
        text +=
            line(row, " & ", [](const TextCells::Cell &cell) { return latexText(cell.text); }) + " \\\\\n";
    return text + "\\bottomrule\n\\end{tabular}\n";
}

} // namespace qs
