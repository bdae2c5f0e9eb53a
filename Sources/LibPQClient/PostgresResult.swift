import Foundations
import LibPQFunctions

/// The rows of one statement.
///
/// `@unchecked Sendable`, guarded by its own constancy: libpq's result never changes once it is here, reading it has no
/// side effects, and it is cleared when the last owner lets it go.
package final class PostgresResult: @unchecked Sendable {
    private let result: OpaquePointer

    /// Takes over a result.
    init(_ result: OpaquePointer) { self.result = result }

    deinit { PQclear(result) }

    /// The number of rows.
    package var count: Int { Int(PQntuples(result)) }

    /// The number of rows that the statement wrote or returned.
    package var affected: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

    /// Reads all rows.
    package func rows<Row, Failure: Error>(
        _ read: (PostgresRow) throws(Failure) -> Row
    ) throws(Failure) -> [Row] {
        var rows: [Row] = []
        rows.reserveCapacity(count)
        for index in 0..<count { rows.append(try read(row(index))) }
        return rows
    }

    /// The first row, if there is one.
    package var first: PostgresRow? { count > 0 ? row(0) : nil }

    private func row(_ index: Int) -> PostgresRow { PostgresRow(owner: self, result: result, index: Int32(index)) }
}

/// One row; column numbers begin with 0.
package struct PostgresRow {
    fileprivate let owner: PostgresResult
    fileprivate let result: OpaquePointer
    fileprivate let index: Int32

    package func isNull(_ column: Int32) -> Bool { PQgetisnull(result, index, column) == 1 }

    package func text(_ column: Int32) -> String {
        guard let bytes = PQgetvalue(result, index, column) else { return "" }
        let length = Int(PQgetlength(result, index, column))
        return bytes.withMemoryRebound(to: UInt8.self, capacity: length) {
            String(decoding: UnsafeBufferPointer(start: $0, count: length), as: UTF8.self)
        }
    }

    package func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    /// The integer of a column; 0 where it holds none.
    package func integer(_ column: Int32) -> Int64 {
        guard let bytes = PQgetvalue(result, index, column) else { return 0 }
        var (value, isNegative): (UInt64, Bool) = (0, false)
        for position in 0..<Int(PQgetlength(result, index, column)) {
            let digit = UInt8(bitPattern: bytes[position])
            if digit == UInt8(ascii: "-") { isNegative = true } else { value = value &* 10 &+ UInt64(digit &- 48) }
        }
        return Int64(bitPattern: isNegative ? 0 &- value : value)
    }

    package func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

    package func bool(_ column: Int32) -> Bool {
        PQgetvalue(result, index, column).map { $0[0] == CChar(UInt8(ascii: "t")) } ?? false
    }

    /// The bytes of a column; `nil` where it holds none.
    package func bytes(_ column: Int32) -> [UInt8]? {
        let text = text(column)
        return text.hasPrefix("\\x") ? Hex.decode(text.dropFirst(2)) : nil
    }
}
