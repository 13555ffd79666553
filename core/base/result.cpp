#include "core/base/result.h"

namespace qs {

const char *errorCodeName(ErrorCode code) {
    switch (code) {
    case ErrorCode::InvalidArgument:
        return "invalid argument";
    case ErrorCode::NotFound:
        return "not found";
    case ErrorCode::Unsupported:
        return "unsupported";
    case ErrorCode::CorruptFile:
        return "corrupt file";
    case ErrorCode::IoError:
        return "input/output error";
    case ErrorCode::Cancelled:
        return "cancelled";
    case ErrorCode::OutOfMemory:
        return "out of memory";
    case ErrorCode::PluginFailure:
        return "plugin failure";
    }
    return "unknown";
}

Error Error::withContext(const std::string &context) && {
    where = where.empty() ? context : context + ": " + where;
    return std::move(*this);
}

Error Error::withContext(const std::string &context) const & {
    return Error(*this).withContext(context);
}

std::string Error::text() const {
    return where.empty() ? message : where + ": " + message;
}

} // namespace qs
