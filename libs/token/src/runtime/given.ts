/**
 * A base class that adds the private fields of its subclass to an existing object: nobody else can write them, and no copy has them. A WeakMap or WeakSet
 * would do the same, but V8 promotes its entries at every collection of young objects, which makes those collections several times as long under load.
 */
export const Given = function (object: object): object {
  return object;
} as unknown as new (object: object) => object;
