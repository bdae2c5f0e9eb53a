extension BidirectionalCollection {
    /// The part without the elements at both ends that are padding.
    @inlinable
    package func trimmed(_ isPadding: (Element) -> Bool) -> SubSequence {
        var rest = self[...]
        while let first = rest.first, isPadding(first) { rest.removeFirst() }
        while let last = rest.last, isPadding(last) { rest.removeLast() }
        return rest
    }
}
