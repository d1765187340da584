/* Reads an FBX with ufbx: prints its names as JSON, and writes the surface of each mesh at the given seconds.
 *
 * Usage: read_fbx FILE.fbx OUT.f32 SECOND...
 * OUT.f32 holds float32 x, y, z of every mesh's vertices, for each second and in it each mesh, in metres, Y up.
 */
#include "ufbx.h"
#include <stdio.h>
#include <stdlib.h>

static void print_names(const char *key, ufbx_element_list elements, ufbx_element_type type)
{
    const char *comma = "";
    printf(", \"%s\": [", key);
    for (size_t i = 0; i < elements.count; i++) {
        if (elements.data[i]->type != type || !elements.data[i]->name.length) continue;
        printf("%s\"%s\"", comma, elements.data[i]->name.data);
        comma = ", ";
    }
    printf("]");
}

static ufbx_scene *checked(ufbx_scene *scene, const ufbx_error *error)
{
    if (!scene) {
        fprintf(stderr, "%s\n", error->description.data);
        exit(1);
    }
    return scene;
}

static size_t widest_skin(const ufbx_scene *scene)
{
    size_t widest = 0;
    for (size_t i = 0; i < scene->skin_deformers.count; i++)
        if (scene->skin_deformers.data[i]->max_weights_per_vertex > widest)
            widest = scene->skin_deformers.data[i]->max_weights_per_vertex;
    return widest;
}

int main(int argc, char **argv)
{
    ufbx_load_opts opts = {0};
    opts.target_axes = ufbx_axes_right_handed_y_up;
    opts.target_unit_meters = 1.0f;
    ufbx_error error;
    if (argc < 4) return 2;
    ufbx_scene *scene = checked(ufbx_load_file(argv[1], &opts, &error), &error);
    FILE *out = fopen(argv[2], "wb");
    if (!out) return 2;
    printf("{\"meshes\": [");
    for (size_t i = 0; i < scene->meshes.count; i++) {
        ufbx_mesh *mesh = scene->meshes.data[i];
        printf("%s[\"%s\", %zu]", i ? ", " : "", mesh->instances.data[0]->name.data, mesh->num_vertices);
    }
    printf("]");
    print_names("nodes", scene->elements, UFBX_ELEMENT_NODE);
    print_names("materials", scene->elements, UFBX_ELEMENT_MATERIAL);
    print_names("animations", scene->elements, UFBX_ELEMENT_ANIM_STACK);
    printf(", \"influences\": %zu, \"warnings\": [", widest_skin(scene));
    for (size_t i = 0; i < scene->metadata.warnings.count; i++)
        printf("%s\"%s\"", i ? ", " : "", scene->metadata.warnings.data[i].description.data);
    printf("]}\n");
    for (int a = 3; a < argc; a++) {
        ufbx_evaluate_opts eval = {0};
        eval.evaluate_skinning = true;
        ufbx_scene *now = checked(ufbx_evaluate_scene(scene, scene->anim, atof(argv[a]), &eval, &error), &error);
        for (size_t i = 0; i < now->meshes.count; i++) {
            ufbx_mesh *mesh = now->meshes.data[i];
            for (size_t v = 0; v < mesh->num_vertices; v++) {
                ufbx_vec3 p = mesh->skinned_position.values.data[v];
                if (mesh->skinned_is_local) p = ufbx_transform_position(&mesh->instances.data[0]->geometry_to_world, p);
                float xyz[3] = {(float)p.x, (float)p.y, (float)p.z};
                fwrite(xyz, sizeof(float), 3, out);
            }
        }
        ufbx_free_scene(now);
    }
    fclose(out);
    ufbx_free_scene(scene);
    return 0;
}
