#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <unordered_map>

namespace qs::views {

/// Names one tile of one map under one colouring.
struct TileKey {
    std::uint64_t data = 0;  ///< HeatMapData::id
    std::uint64_t style = 0; ///< changes with colour map, scale and range
    int rowLevel = 0, colLevel = 0;
    std::int64_t tileRow = 0, tileCol = 0;

    bool operator==(const TileKey &) const = default;
};

struct TileKeyHash {
    std::size_t operator()(const TileKey &key) const;
};

/// Textures by key; the least recently used go when there are too many.
class TileCache {
public:
    using TextureId = unsigned int;
    /// \param release  frees a texture; called by insert() and clear() only
    TileCache(std::size_t capacity, std::function<void(TextureId)> release);

    /// 0 when the tile is not there. A found tile counts as used.
    TextureId find(const TileKey &key);
    /// Takes the texture. Never drops one that was used since the last beginFrame().
    void insert(const TileKey &key, TextureId texture);
    void beginFrame() { ++m_frame; }
    /// Frees all textures.
    void clear();
    /// Forgets all textures: they are gone already.
    void forget();
    std::size_t size() const { return m_entries.size(); }

private:
    struct Entry {
        TileKey key;
        TextureId texture;
        std::uint64_t lastFrame;
    };
    std::size_t m_capacity;
    std::function<void(TextureId)> m_release;
    std::uint64_t m_frame = 0;
    std::list<Entry> m_entries; ///< most recently used first
    std::unordered_map<TileKey, std::list<Entry>::iterator, TileKeyHash> m_index;
};

} // namespace qs::views
