#include "views/canvas/tile_cache.h"

namespace qs::views {

std::size_t TileKeyHash::operator()(const TileKey &key) const {
    std::uint64_t hash = 0;
    for (std::uint64_t part :
         {key.data, key.style, static_cast<std::uint64_t>(key.rowLevel),
          static_cast<std::uint64_t>(key.colLevel), static_cast<std::uint64_t>(key.tileRow),
          static_cast<std::uint64_t>(key.tileCol)})
        hash = (hash ^ part) * 0x9E3779B97F4A7C15ULL + (hash >> 29);
    return hash;
}

TileCache::TileCache(std::size_t capacity, std::function<void(TextureId)> release)
    : m_capacity(capacity), m_release(std::move(release)) {}

TileCache::TextureId TileCache::find(const TileKey &key) {
    const auto found = m_index.find(key);
    if (found == m_index.end())
        return 0;
    m_entries.splice(m_entries.begin(), m_entries, found->second);
    found->second->lastFrame = m_frame;
    return found->second->texture;
}

void TileCache::insert(const TileKey &key, TextureId texture) {
    m_entries.push_front({key, texture, m_frame});
    m_index[key] = m_entries.begin();
    // The draw list of this frame still names its tiles.
    while (m_entries.size() > m_capacity && m_entries.back().lastFrame != m_frame) {
        m_release(m_entries.back().texture);
        m_index.erase(m_entries.back().key);
        m_entries.pop_back();
    }
}

void TileCache::clear() {
    for (const Entry &entry : m_entries)
        m_release(entry.texture);
    forget();
}

void TileCache::forget() {
    m_entries.clear();
    m_index.clear();
}

} // namespace qs::views
