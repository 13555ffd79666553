#include "core/base/deadline.h"

namespace qs {

Deadline::Deadline(std::chrono::milliseconds patience)
    : m_thread([this, patience](const std::stop_token &over) {
          std::unique_lock lock(m_mutex);
          m_over.wait_for(lock, over, patience, [] { return false; });
          if (!over.stop_requested())
              m_stop.request_stop();
      }) {}

} // namespace qs
