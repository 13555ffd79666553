#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace qs {

/// What kind of expected failure happened; decides the exit code of qscope and the icon of a finding.
enum class ErrorCode {
    InvalidArgument, ///< a parameter or a recipe is wrong
    NotFound,        ///< a file, layer, method or name does not exist
    Unsupported,     ///< legal input that this version cannot handle
    CorruptFile,     ///< the bytes contradict the format
    IoError,         ///< the operating system refused to read or write
    Cancelled,       ///< the user stopped it; never shown as a failure
    OutOfMemory,     ///< a size that the file or machine cannot justify
    PluginFailure,   ///< a plugin returned an error or broke the contract
};

const char *errorCodeName(ErrorCode code);

/// An expected failure. `message` is shown to the user as is: what went wrong and what to do.
/// `where` names the place: a file, a node, a layer; contexts are joined with ": ", outermost first.
struct Error {
    ErrorCode code = ErrorCode::InvalidArgument;
    std::string message;
    std::string where;

    /// The same error seen from one level further out.
    Error withContext(const std::string &context) &&;
    Error withContext(const std::string &context) const &;
    /// "where: message".
    std::string text() const;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

/// Builds the failure branch of any Result: `return fail(ErrorCode::NotFound, "…", layerName);`
inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string where = {}) {
    return tl::unexpected<Error>(Error{code, std::move(message), std::move(where)});
}
/// Passes an error on from a Result of another type.
inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

} // namespace qs

#define QS_CONCAT_INNER(a, b) a##b
#define QS_CONCAT(a, b) QS_CONCAT_INNER(a, b)

/// QS_TRY(auto x, expression): declares x from a Result, or returns its error from this function.
#define QS_TRY(declaration, expression)                                                                      \
    auto QS_CONCAT(qsResult, __LINE__) = (expression);                                                       \
    if (!QS_CONCAT(qsResult, __LINE__))                                                                      \
        return ::qs::fail(std::move(QS_CONCAT(qsResult, __LINE__)).error());                                 \
    declaration = std::move(*QS_CONCAT(qsResult, __LINE__))

/// QS_CHECK_OK(expression): returns the error of a Status from this function.
#define QS_CHECK_OK(expression)                                                                              \
    if (auto QS_CONCAT(qsStatus, __LINE__) = (expression); !QS_CONCAT(qsStatus, __LINE__))                   \
    return ::qs::fail(std::move(QS_CONCAT(qsStatus, __LINE__)).error())
