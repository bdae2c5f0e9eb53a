import SessionEngine
import SessionStorage

/// An audit log as an array.
struct InMemoryAuditLog {
    private var records: [AuditRecord] = []

    mutating func append(_ event: AuditEvent?) {
        guard let event else { return }
        records.append(AuditRecord(sequence: (records.last?.sequence ?? 0).saturatingAdd(1), event: event))
    }

    func page(_ query: AuditQuery) -> [AuditRecord] {
        let ordered: [AuditRecord] =
            switch query.order {
            case .newestFirst(let before): records.reversed().filter { $0.sequence < before ?? .max }
            case .oldestFirst(let after): records.filter { $0.sequence > after }
            }
        return Array(ordered.filter { query.selects($0.event) }.prefix(max(0, query.limit)))
    }

    mutating func trim(_ retention: AuditRetention, at now: Timestamp, limit: Int) -> Int {
        guard let newest = records.last?.sequence else { return 0 }
        let count = records.count
        var seen = 0
        records.removeAll { record in
            seen += 1
            guard seen <= limit, record.sequence < newest else { return false }
            return record.sequence <= newest - retention.entries || record.event.time + retention.age < now
        }
        return count - records.count
    }
}
