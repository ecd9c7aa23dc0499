drop table exports;
drop table export_files;
