#pragma once

#include <optional>
#include <string>
#include <vector>

namespace qs::app {

/// A table for the terminal: columns as wide as their content, names left, numbers right.
class TextTable {
public:
    enum class Side { Left, Right };
    struct Column {
        std::string title;
        Side side = Side::Right;
    };
    explicit TextTable(std::vector<Column> columns) : m_columns(std::move(columns)) {}

    /// One cell per column; missing ones at the end stay empty.
    void addRow(std::vector<std::string> cells);
    bool empty() const { return m_rows.empty(); }
    /// Header, rule, rows; each line ends with '\n'.
    std::string text() const;

private:
    std::vector<Column> m_columns;
    std::vector<std::vector<std::string>> m_rows;
};

/// "Name  value" lines with the values aligned.
std::string alignedPairs(const std::vector<std::pair<std::string, std::string>> &pairs);

/// The number with its unit, or "–" when it does not apply.
std::string valueText(std::optional<double> value, const std::string &unit, int digits = 4);

} // namespace qs::app
