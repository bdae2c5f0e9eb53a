import Synchronization

/// Numbers in a row that many threads add to, without a lock and without an object for each.
///
/// `@unchecked Sendable`: guarded by the type of what is in the memory, which is atomic numbers and nothing else; the memory
/// lives as long as this.
final class MetricCells: @unchecked Sendable {
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>
    let count: Int

    init(_ count: Int) {
        self.count = count
        cells = .allocate(capacity: max(count, 1))
        for index in 0..<count { (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: count)
        cells.deallocate()
    }

    /// Adds to one of them; a place that does not exist counts nothing.
    func add(_ amount: UInt64, at index: Int) {
        guard index >= 0, index < count else { return }
        cells[index].wrappingAdd(amount, ordering: .relaxed)
    }

    /// One of them, 0 where there is none.
    func value(at index: Int) -> UInt64 {
        guard index >= 0, index < count else { return 0 }
        return cells[index].load(ordering: .relaxed)
    }
}
