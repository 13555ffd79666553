#pragma once

#include <optional>
#include <string>
#include <vector>

namespace qs {

/// A table of texts and numbers, to be shown or written.
struct TextCells {
    struct Column {
        std::string id, name, unit, explanation;
        bool isNumber = false;

        std::string title() const { return unit.empty() ? name : name + " [" + unit + "]"; }
    };
    struct Cell {
        std::string text;            ///< for people, rounded
        std::optional<double> value; ///< for machines, of number columns
    };
    std::vector<Column> columns;
    std::vector<std::vector<Cell>> rows; ///< [rows][columns]
};

/// Columns in which every row says the same; none of a table of one row.
std::vector<std::size_t> constantColumns(const TextCells &table);
/// RFC 4180 with a header; numbers in full precision, not measured = empty.
std::string csvTable(const TextCells &table);
/// A pipe table, numbers right-aligned.
std::string markdownTable(const TextCells &table);
/// A tabular with the rules of the package booktabs, between comment lines that say so. \param caption
/// becomes comments, too
std::string latexTable(const TextCells &table, const std::string &caption);

} // namespace qs
